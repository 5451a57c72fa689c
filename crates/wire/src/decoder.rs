//! Decoding one object at a time, as a watch on an API server delivers them.

use berth_model::manifests::Place;
use berth_model::object::Kind;
use berth_model::object::Object;

use crate::context::Context;
use crate::head::Head;
use crate::object::{self, Decoded};
use crate::problem::{Problem, Problems};

/// Decodes single objects; strings and pod specs that occur again are shared between them.
#[derive(Default)]
pub struct Decoder {
    cx: Context,
}

impl Decoder {
    /// A decoder that has seen nothing.
    pub fn new() -> Self {
        Self::default()
    }

    /// Decodes the JSON text of one object; `None` where its kind does not concern scheduling.
    ///
    /// # Errors
    /// Everything that is wrong with the object.
    pub fn object(&mut self, json: &str) -> Result<Option<Object>, Problems> {
        let head = Head::peek(json);
        let Some(kind) = Kind::of(&head.api_version, &head.kind) else { return Ok(None) };
        let Decoded { object, key, problems, .. } = object::decode(&mut self.cx, kind, json);
        if let Some(object) = object {
            return Ok(Some(object));
        }
        let mut all = Problems::default();
        for remark in problems {
            all.push(Problem {
                place: Place::start("object".into()),
                object: key.to_string(),
                field: remark.field,
                message: remark.message,
            });
        }
        Err(all)
    }
}
