//! Everything that the user sees. Events are folded into a [`model::View`], and the displays only draw it; errors,
//! tables and plans are functions from values to text.
//!
//! Architecture invariant: nothing here acts. The screen knows no port, no connection and no configuration, and what it
//! shows of time and terminal is passed in.

pub mod style;
pub mod amount;
pub mod moment;
pub mod table;
pub mod model;
pub mod frame;
pub mod lines;
pub mod bars;
pub mod json;
pub mod reporter;
pub mod plan_view;
pub mod failure_view;
pub mod releases_model;
pub mod releases_view;
pub mod status_model;
pub mod status_view;
pub mod audit_view;
pub mod timings_view;
pub mod log_prefix;
pub mod prompt;
pub mod screen;
