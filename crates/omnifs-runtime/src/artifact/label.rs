//! The section that says which world a file was built for.

use wit_component::{StringEncoding, embed_component_metadata};

use super::{FILE_LIMIT, Face, LoadError, component};
use crate::contract;

/// Returns the file with one `component-type` section at its end, as
/// `wasm-tools component embed wit/ --world omnifs:provider/provider` appends it, or with
/// `projector` for what exports the second face. A file that
/// has one is returned as it is. It does not matter to the host in a component; a core module
/// is made a component by it.
///
/// # Errors
/// [`LoadError`] when the file is not WebAssembly.
pub fn label(bytes: &[u8]) -> Result<Vec<u8>, LoadError> {
    let mut labelled = bytes.to_vec();
    if component::outline(bytes, FILE_LIMIT)?.labelled {
        return Ok(labelled);
    }
    // A core module without metadata says of no face that it has it.
    let face = super::inspect(bytes).ok().and_then(|artifact| artifact.face);
    let world = face.unwrap_or(Face::Filesystem).world();
    let (resolve, package) = contract::contract()?;
    resolve
        .select_world(&[*package], Some(world))
        .and_then(|world| {
            embed_component_metadata(&mut labelled, resolve, world, StringEncoding::UTF8)
        })
        .map_err(|error| LoadError::new(format!("cannot write its WIT metadata: {error:#}")))?;
    Ok(labelled)
}
