//! Exporting a router as a component.

/// Serves a [`Router`](crate::router::Router): the argument is a function without parameters that returns it. Call it once,
/// at the root of the crate.
///
/// With `watch = events` the function `events` follows the upstream meanwhile; see [`router`](crate::router).
#[macro_export]
macro_rules! serve {
    ($app:path, watch = $events:path) => {
        $crate::serve!($app);

        struct __Watching;

        impl $crate::watcher::Guest for __Watching {
            fn watch() {
                $crate::watch::Ended::report($events());
            }
        }

        $crate::export_watching!(__Watching with_types_in $crate::watching);
    };
    ($app:path) => {
        struct __Routed;

        ::std::thread_local! {
            // An instance has one thread.
            static __ROUTER: $crate::router::Router = $app();
        }

        impl $crate::projection::Guest for __Routed {
            fn lookup_child(
                parent: String,
                name: String,
            ) -> Result<Option<$crate::projection::Node>, $crate::projection::Error> {
                __ROUTER.with(|router| router.lookup(&parent, &name))
            }

            fn list_children(
                directory: String,
                cursor: Option<String>,
            ) -> Result<$crate::projection::Page, $crate::projection::Error> {
                __ROUTER.with(|router| router.list(&directory, cursor.as_deref()))
            }

            fn read_file(
                file: String,
                range: Option<$crate::projection::ByteRange>,
            ) -> Result<$crate::projection::Content, $crate::projection::Error> {
                __ROUTER.with(|router| router.read(&file, range))
            }
        }

        $crate::export_projector!(__Routed with_types_in $crate::projector);
        $crate::__sdk_section!();
    };
}
