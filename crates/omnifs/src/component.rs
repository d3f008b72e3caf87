//! Where the bytes of a component come from.

use std::borrow::Cow;
use std::path::Path;

use omnifs_runtime::artifact::FILE_LIMIT;

use crate::config::Component;
use crate::control::Trouble;
use crate::embedded;

impl Component {
    /// Returns the component's bytes.
    ///
    /// # Errors
    /// Why there are none, for the user.
    pub(crate) fn bytes(&self) -> Result<Cow<'static, [u8]>, Trouble> {
        match self {
            Self::File(path) => read(path).map(Cow::Owned),
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

fn read(path: &Path) -> Result<Vec<u8>, Trouble> {
    let shown = path.display();
    let failed = |error: std::io::Error| Trouble {
        reason: format!("cannot read the component {shown}: {error}"),
        remedy: "put the component there, or correct `path`".to_owned(),
    };
    let length = std::fs::metadata(path).map_err(failed)?.len();
    if length > FILE_LIMIT {
        return Err(Trouble {
            reason: format!("the component {shown} has {length} bytes; it may have {FILE_LIMIT}"),
            remedy: "build it in release mode with strip = true".to_owned(),
        });
    }
    std::fs::read(path).map_err(failed)
}
