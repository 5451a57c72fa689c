//! As much of JSON Schema as our schemas use; a keyword that is not known here is an error.

use serde_json::Value;

/// What in a document is not as its schema has it.
pub(crate) fn problems(schema: &Value, document: &Value) -> Vec<String> {
    let mut found = Vec::new();
    check(schema, document, "$", &mut found);
    found
}

fn check(schema: &Value, value: &Value, path: &str, found: &mut Vec<String>) {
    for (keyword, wanted) in schema.as_object().unwrap() {
        let holds = match keyword.as_str() {
            "$schema" | "title" | "description" => true,
            "type" => match wanted.as_array() {
                Some(types) => types.iter().any(|name| has_type(value, name.as_str().unwrap())),
                None => has_type(value, wanted.as_str().unwrap()),
            },
            "const" => value == wanted,
            "enum" => wanted.as_array().unwrap().contains(value),
            "minimum" => value.as_f64() >= wanted.as_f64(),
            "required" => {
                wanted.as_array().unwrap().iter().all(|key| value.get(key.as_str().unwrap()).is_some())
            }
            "properties" | "additionalProperties" => true, // below, together
            "items" => {
                for (at, item) in value.as_array().into_iter().flatten().enumerate() {
                    check(wanted, item, &format!("{path}[{at}]"), found);
                }
                true
            }
            other => panic!("the schema has the keyword {other}, which the test does not know"),
        };
        if !holds {
            found.push(format!("{path}: {keyword} {wanted}, found {value}"));
        }
    }
    for (key, value) in value.as_object().into_iter().flatten() {
        let path = format!("{path}.{key}");
        match (schema["properties"].get(key), &schema["additionalProperties"]) {
            (Some(schema), _) => check(schema, value, &path, found),
            (None, Value::Object(_)) => check(&schema["additionalProperties"], value, &path, found),
            (None, _) => found.push(format!("{path}: is not in the schema")),
        }
    }
}

fn has_type(value: &Value, name: &str) -> bool {
    match name {
        "object" => value.is_object(),
        "array" => value.is_array(),
        "string" => value.is_string(),
        "null" => value.is_null(),
        "boolean" => value.is_boolean(),
        "integer" => value.is_i64() || value.is_u64(),
        "number" => value.is_number(),
        other => panic!("the schema has the type {other}, which the test does not know"),
    }
}

#[test]
fn a_document_that_is_not_as_the_schema_says_is_noticed() {
    let schema = serde_json::json!({
        "type": "object", "additionalProperties": false, "required": ["a"],
        "properties": {
            "a": {"type": "integer", "minimum": 0}, "b": {"enum": ["x"]}, "d": {"type": ["string", "null"]},
        },
    });
    let cases = [
        (r#"{"a": 1, "b": "x"}"#, None),
        (r#"{"b": "x"}"#, Some(r#"$: required ["a"], found {"b":"x"}"#)),
        (r#"{"a": -1}"#, Some("$.a: minimum 0, found -1")),
        (r#"{"a": 1.5}"#, Some(r#"$.a: type "integer", found 1.5"#)),
        (r#"{"a": 1, "b": "y"}"#, Some(r#"$.b: enum ["x"], found "y""#)),
        (r#"{"a": 1, "d": null}"#, None),
        (r#"{"a": 1, "d": 1}"#, Some(r#"$.d: type ["string","null"], found 1"#)),
        (r#"{"a": 1, "c": 1}"#, Some("$.c: is not in the schema")),
    ];
    for (document, expected) in cases {
        let found = problems(&schema, &serde_json::from_str(document).unwrap());
        assert_eq!(found.first().map(String::as_str), expected, "{document}");
    }
}
