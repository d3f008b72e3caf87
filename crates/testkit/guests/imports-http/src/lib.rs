//! Imports the capability `http`: `status` holds the status of a fetch, or why there is none.

use omnifs_provider::http::{fetch, Redirects, Request};

use omnifs_provider::exports::omnifs::provider::filesystem::{Guest, LookupResult, NodeKind};

struct ImportsHttp;

impl Guest for ImportsHttp {
    fn lookup_child(parent: u64, name: String) -> Option<LookupResult> {
        match (parent, name.as_str()) {
            (0, "status") => Some(LookupResult { inode: 1, kind: NodeKind::File }),
            _ => None,
        }
    }

    fn list_children(inode: u64) -> Vec<String> {
        match inode {
            0 => vec!["status".to_string()],
            _ => vec![],
        }
    }

    fn read_file(inode: u64) -> Option<Vec<u8>> {
        if inode != 1 {
            return None;
        }
        let answer = fetch(&Request {
            method: "GET".to_string(),
            url: "https://api.example.com/".to_string(),
            headers: Vec::new(),
            body: None,
            redirects: Redirects::ReturnThem,
            timeout_ms: None,
        });
        Some(match answer {
            Ok(response) => format!("{}\n", response.status).into_bytes(),
            Err(error) => format!("{error:?}\n").into_bytes(),
        })
    }
}

omnifs_provider::export!(ImportsHttp with_types_in omnifs_provider);
