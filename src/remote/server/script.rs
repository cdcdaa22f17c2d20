//! The programs that setup runs on a server: one for the look, one for each step. They are POSIX shell, sent as an
//! argument of `sh -c`, with their own arguments beside them; keys, settings and images go through standard input.

use super::super::server;
use crate::control::STATUS_PATH;
