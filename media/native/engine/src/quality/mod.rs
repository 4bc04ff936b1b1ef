//! What a call is worth to the ear, and why a party is not heard.

pub mod bursts;
pub mod emodel;
pub mod flow;
