//! What the session answers, message by message.

mod begin;
mod directory;
mod fixed;
mod interrupt;
mod notice;
mod waiting;
mod watched;
