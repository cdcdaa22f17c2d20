//! `ship-proxy`: what stands between users and the app.

fn main() {}
