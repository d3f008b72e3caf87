//! Bodies that are not read as a whole.

use super::{Blob, Error, Incoming};

impl Blob {
    /// Returns the value of the first header of this name, in capitals or not, that is UTF-8.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<String> {
        named(self.headers(), name)
    }

    /// Returns the body, or an error when its status is 400 or above.
    ///
    /// # Errors
    /// With the status; see [`Error::is_not_found`] and its like.
    pub fn error_for_status(self) -> Result<Self, Error> {
        checked(self.status()).map(|()| self)
    }
}

impl Incoming {
    /// Returns the value of the first header of this name, in capitals or not, that is UTF-8.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<String> {
        named(self.headers(), name)
    }

    /// Returns the body, or an error when its status is 400 or above.
    ///
    /// # Errors
    /// With the status; see [`Error::is_not_found`] and its like.
    pub fn error_for_status(self) -> Result<Self, Error> {
        checked(self.status()).map(|()| self)
    }
}

fn named(headers: Vec<(String, Vec<u8>)>, name: &str) -> Option<String> {
    let mut headers = headers.into_iter().filter(|(there, _)| there.eq_ignore_ascii_case(name));
    headers.find_map(|(_, value)| String::from_utf8(value).ok())
}

fn checked(status: u16) -> Result<(), Error> {
    if status < 400 {
        Ok(())
    } else {
        Err(Error::of_status(status))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn headers_and_statuses_as_of_a_whole_answer() {
        let headers = [("ETag", b"\xff".to_vec()), ("etag", b"x".to_vec())]
            .map(|(name, value)| (name.to_string(), value));
        assert_eq!(named(headers.to_vec(), "Etag").as_deref(), Some("x"));
        assert!(checked(399).is_ok());
        assert!(checked(404).expect_err("an error").is_not_found());
    }
}
