//! The host's view of the WIT package: the only `bindgen!` of the host.
//!
//! One world of the host's own holds every face and every capability, so that a component with
//! any of them fits; which faces a component has is found by the indices of each.

mod generated {
    wasmtime::component::bindgen!({
        path: "../../wit",
        inline: "
            package omnifs:host;
            world host {
                import omnifs:provider/cache-control@1.0.0;
                import omnifs:provider/config@1.0.0;
                import omnifs:provider/http@1.0.0;
                import omnifs:provider/log@1.0.0;
                import omnifs:provider/secrets@1.0.0;
                export omnifs:provider/filesystem@1.0.0;
                export omnifs:provider/projection@1.0.0;
                export omnifs:provider/watcher@1.0.0;
            }
        ",
        world: "omnifs:host/host",
        imports: { default: async | trappable },
        exports: { default: async },
        with: {
            "omnifs:provider/http.blob": crate::capability::Blob,
            "omnifs:provider/http.incoming": crate::capability::Incoming,
            "omnifs:provider/secrets.secret": crate::http::Secret,
        },
    });
}

pub(crate) use generated::exports::omnifs::provider::filesystem::{
    Guest as Filesystem, GuestIndices as FilesystemIndices, LookupResult, NodeKind,
};
pub(crate) use generated::exports::omnifs::provider::projection::{
    self, Guest as Projection, GuestIndices as ProjectionIndices,
};
pub(crate) use generated::exports::omnifs::provider::watcher::GuestIndices as WatcherIndices;
pub(crate) use generated::omnifs::provider as capabilities;
