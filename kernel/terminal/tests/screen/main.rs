//! The screen as an operator sees it.

mod golden;
mod model;
mod painter;
mod views;
