//! The host's view of the WIT package: the only `bindgen!` of the host.
//!
//! One world of the host's own holds every face, so that a component with any of them fits;
//! which faces a component has is found by the indices of each.

mod generated {
    wasmtime::component::bindgen!({
        path: "../../wit",
        inline: "
            package omnifs:host;
            world host {
                export omnifs:provider/filesystem@1.0.0;
            }
        ",
        world: "omnifs:host/host",
        exports: { default: async },
    });
}

pub(crate) use generated::exports::omnifs::provider::filesystem::{
    Guest as Filesystem, GuestIndices as FilesystemIndices, LookupResult, NodeKind,
};
