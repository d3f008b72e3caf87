//! The mark that the host reads to say which SDK built a component, and `export!`.

/// The version of this crate, which a component carries in its section `omnifs:sdk`.
pub const VERSION: &str = env!("CARGO_PKG_VERSION");

/// The bytes of the section `omnifs:sdk`: [`VERSION`], without an end mark.
#[doc(hidden)]
pub const VERSION_SECTION: [u8; VERSION.len()] = match VERSION.as_bytes().first_chunk() {
    Some(bytes) => *bytes,
    None => [0; VERSION.len()],
};

/// Makes the given type the provider of this component; call it once, at the root of the
/// crate.
///
/// The type implements [`Guest`](crate::exports::omnifs::provider::filesystem::Guest).
/// `export!(T)` is short for `export!(T with_types_in omnifs_provider)`; the long form is for
/// a crate that knows this one by another path.
#[macro_export]
macro_rules! export {
    ($provider:ident) => {
        $crate::export!($provider with_types_in $crate);
    };
    ($provider:ident with_types_in $($types:tt)*) => {
        $crate::__export_provider_impl!($provider with_types_in $($types)*);
        $crate::__sdk_section!();
    };
}

/// Writes the section `omnifs:sdk`.
#[doc(hidden)]
#[macro_export]
macro_rules! __sdk_section {
    () => {
        // In the author's crate, not in ours: the linker drops what nothing refers to.
        const _: () = {
            #[cfg(target_arch = "wasm32")]
            #[unsafe(link_section = "omnifs:sdk")]
            #[used]
            static VERSION: [u8; $crate::VERSION.len()] = $crate::VERSION_SECTION;
        };
    };
}

#[cfg(test)]
mod tests {
    #[test]
    fn the_section_is_the_version() {
        assert_eq!(super::VERSION_SECTION, *super::VERSION.as_bytes());
    }
}
