//! Listing in pages, for API servers that cannot stream what is there.

use bytes::Bytes;
use http::StatusCode;
use serde::Deserialize;
use serde_json::value::RawValue;

use super::{End, Metadata, Watch, refused};
use crate::message::Told;
use crate::resource::Resource;

const PAGE: usize = 500;

/// A page of a list.
#[derive(Debug, Deserialize)]
pub(crate) struct Page<'a> {
    #[serde(borrow, default)]
    pub(crate) metadata: Metadata<'a>,
    #[serde(borrow, default)]
    pub(crate) items: Vec<&'a RawValue>,
}

impl Page<'_> {
    /// Its items as lines of a watch. Items of lists do not say what they are, so that it is written into them.
    pub(crate) fn lines(&self, resource: Resource) -> Bytes {
        let length: usize = self.items.iter().map(|item| item.get().len() + 128).sum();
        let mut lines = Vec::with_capacity(length);
        for item in &self.items {
            let Some(fields) = item.get().strip_prefix('{') else { continue };
            let Resource { api_version, kind, .. } = resource;
            let head = format!(r#"{{"type":"ADDED","object":{{"apiVersion":"{api_version}","kind":"{kind}""#);
            lines.extend_from_slice(head.as_bytes());
            if fields.trim_start() != "}" {
                lines.push(b',');
            }
            // A line ends with the first line break; outside of texts, where JSON has none, they are only layout.
            lines.extend(fields.bytes().filter(|b| *b != b'\n'));
            lines.extend_from_slice(b"}\n");
        }
        lines.into()
    }
}

impl Watch {
    /// Lists everything, page by page.
    pub(super) async fn list(&mut self) -> Result<(), End> {
        let mut more = String::new();
        loop {
            let path = self.resource.path(&format!("limit={PAGE}{more}"));
            let answer = self.api.get(&path).await.map_err(|e| End::Failed(e.to_string()))?;
            if answer.status != StatusCode::OK {
                return Err(refused(answer.status, &answer.body, false));
            }
            let page: Page<'_> =
                serde_json::from_slice(&answer.body).map_err(|e| End::Failed(format!("no list: {e}")))?;
            self.tell(Told::Lines(page.lines(self.resource))).await?;
            if page.metadata.more.is_empty() {
                self.position = Some(page.metadata.resource_version.into_owned());
                self.tell(Told::Listed).await?;
                return Ok(());
            }
            more = format!("&continue={}", escape(&page.metadata.more));
        }
    }
}

/// A text as part of a query.
pub(crate) fn escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for byte in text.bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'_' | b'.' | b'~' => escaped.push(byte.into()),
            _ => escaped.push_str(&format!("%{byte:02X}")),
        }
    }
    escaped
}

#[cfg(test)]
mod tests {
    use berth_model::object::Kind;

    use super::*;
    use crate::watch::Line;

    #[test]
    fn items_become_lines_that_say_what_they_are() {
        let text = "{\"metadata\":{\"continue\":\"x/y\"},\"items\":[{\"metadata\":\n{\"name\":\"a\"}},{}]}";
        let page: Page<'_> = serde_json::from_str(text).unwrap();
        let lines = page.lines(Resource::of(Kind::Namespace));
        let lines: Vec<&[u8]> = lines.split(|b| *b == b'\n').filter(|line| !line.is_empty()).collect();
        assert_eq!(lines.len(), 2);
        let line = Line::read(lines[0]).unwrap();
        assert_eq!(line.object.get(), r#"{"apiVersion":"v1","kind":"Namespace","metadata":{"name":"a"}}"#);
        assert_eq!(Line::read(lines[1]).unwrap().object.get(), r#"{"apiVersion":"v1","kind":"Namespace"}"#);
        assert_eq!(escape(&page.metadata.more), "x%2Fy");
    }
}
