//! Workers: each owns groups and their ports, an epoll, and its frames. `table` is sans-IO; `threads` runs it.

mod apply;
mod batch;
mod bus;
pub mod clock;
pub mod door;
mod frame;
mod grace;
mod group;
mod input;
pub mod io;
mod pace;
mod plan;
pub mod register;
mod streams;
pub mod table;
pub mod threads;
mod timers;
mod udptl;
pub mod ways;
