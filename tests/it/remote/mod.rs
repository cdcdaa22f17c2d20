//! SSH: the files that OpenSSH users have, and a real OpenSSH server on this machine.

mod archive;
mod host_keys;
mod http;
mod known_hosts;
mod lease;
mod login;
mod programs;
mod server;
mod ssh_config;
