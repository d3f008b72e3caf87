//! What the session answers, message by message.

mod begin;
mod directory;
mod fixed;
mod interrupt;
mod live;
mod notice;
mod waiting;
mod watched;
