//! What a `ship.toml` means, and what is said when it means nothing.

mod cases;
mod meaning;
mod reference;
