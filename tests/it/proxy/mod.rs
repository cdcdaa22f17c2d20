//! ship-proxy on real sockets: apps on port 0 in this process, a whole proxy in front of them, and clients that send
//! what real ones send, or what they must not.
mod app;
mod client;
mod draining;
mod forwarding;
mod health;
mod probation;
mod rig;
mod router;
mod routing;
mod state;
mod stopping;
mod swap;
mod tls;
mod wire;
