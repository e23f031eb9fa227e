//! One module a page.

pub mod device;
pub mod scenario;
pub mod start;
pub mod train;
