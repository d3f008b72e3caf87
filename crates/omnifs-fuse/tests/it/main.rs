//! The session against a kernel: a fake one over a socket, and the real one.

#[cfg(test)]
mod kernel;
#[cfg(test)]
mod mounted;
#[cfg(test)]
mod protocol;
