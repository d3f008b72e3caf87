//! The wires, on a real mount.
