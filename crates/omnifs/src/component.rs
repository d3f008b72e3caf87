//! Where the bytes of a component come from.

use std::borrow::Cow;
use std::path::Path;

use crate::config::Component;
use crate::control::Trouble;
use crate::embedded;

impl Component {
    /// Returns the component's bytes, of which there may be `limit`.
    ///
    /// # Errors
    /// Why there are none, for the user.
    pub(crate) fn bytes(&self, limit: u64) -> Result<Cow<'static, [u8]>, Trouble> {
        match self {
            Self::File(path) => read(path, limit).map(Cow::Owned),
            Self::Builtin(name) => match embedded::find(name) {
                Ok(embedded) => Ok(Cow::Borrowed(embedded.bytes)),
                Err(unknown) => Err(Trouble {
                    reason: unknown.to_string(),
                    remedy: "correct `path`: one of those, or the path of a component file"
                        .to_owned(),
                }),
            },
        }
    }
}

fn read(path: &Path, limit: u64) -> Result<Vec<u8>, Trouble> {
    let shown = path.display();
    let failed = |error: std::io::Error| Trouble {
        reason: format!("cannot read the component {shown}: {error}"),
        remedy: "put the component there, or correct `path`".to_owned(),
    };
    let length = std::fs::metadata(path).map_err(failed)?.len();
    if length > limit {
        return Err(Trouble {
            reason: format!("the component {shown} has {length} bytes; it may have {limit}"),
            remedy: "build it in release mode with strip = true, or raise `component` in [provider.limits]"
                .to_owned(),
        });
    }
    std::fs::read(path).map_err(failed)
}
