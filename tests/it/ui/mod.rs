//! What the user sees, as text.

mod amount;
mod audit;
mod bars;
mod failure;
mod fleet;
mod frame;
mod json;
mod lines;
mod log_prefix;
mod model;
mod plan;
mod prompt;
mod releases;
mod reporter;
mod status;
mod style;
mod table;
mod timings;
