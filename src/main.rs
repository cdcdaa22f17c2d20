//! `ship`: the composition root.

fn main() {}
