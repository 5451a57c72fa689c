//! A page that works without a server: its documents are in it.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::assets;
use crate::page::{Inline, page};

/// Documents by the addresses under which a server has them, without `/api/v1/`, as in `cluster?algorithm=greedy`.
pub type Documents = BTreeMap<String, String>;

/// The page with these documents in it.
///
/// # Errors
/// If a document is not JSON.
pub fn file(title: &str, documents: &Documents) -> Result<String, serde_json::Error> {
    let parse = |(address, text): (&String, &String)| Ok((address.clone(), serde_json::from_str(text)?));
    let parsed =
        documents.iter().map(parse).collect::<Result<serde_json::Map<String, Value>, serde_json::Error>>()?;
    let data = in_script(&serde_json::to_string(&parsed)?);
    let script = assets::bundle();
    Ok(page(title, Some(&Inline { data: &data, script: &script })).into_string())
}

/// JSON that can stand in a script element: no text ends the element or opens a comment.
fn in_script(json: &str) -> String {
    json.replace('<', "\\u003c")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hostile_names_do_not_end_the_script_element() {
        let name = "</script><script>alert(1)</script><!--";
        let documents = Documents::from([("pods".to_owned(), format!("[{}]", Value::from(name)))]);
        let page = file("cluster.yaml", &documents).unwrap_or_default();
        assert!(page.contains(r"\u003c/script>\u003cscript>alert(1)"), "{page}");
        assert_eq!(page.matches("<script").count(), 2);
    }

    #[test]
    fn a_document_that_is_no_json_is_refused() {
        let documents = Documents::from([("pods".to_owned(), "no".to_owned())]);
        assert!(file("cluster.yaml", &documents).is_err());
    }
}
