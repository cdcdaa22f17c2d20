//! The JSON schema that makes an editor complete keys and explain them, from the same table that the reader uses.
//! `config/schema.json` is its output.

use serde_json::{Map, Value, json};

use super::keys::{self, Key, Kind};

/// The schema of `ship.toml` (JSON Schema, draft 7: what editors for TOML understand).
pub fn schema() -> Value {
    let mut settings = properties("");
    let environments = settings.remove("environments");
    let names: Vec<String> = settings.keys().cloned().collect();
    let reference = |name: &String| (name.clone(), json!({ "$ref": format!("#/definitions/{name}") }));
    let same: Map<String, Value> = names.iter().map(reference).collect();
    let mut top = same.clone();
    let mut environments = environments.unwrap_or_default();
    environments["additionalProperties"] = closed(&same);
    top.insert("environments".to_owned(), environments);
    let mut schema = closed(&top);
    schema["$schema"] = json!("http://json-schema.org/draft-07/schema#");
    schema["title"] = json!("ship.toml");
    schema["required"] = json!(["app"]);
    schema["definitions"] = Value::Object(settings);
    schema
}

/// The file `config/schema.json`.
pub fn text() -> String {
    format!("{:#}\n", schema())
}

fn closed(properties: &Map<String, Value>) -> Value {
    json!({ "type": "object", "properties": properties, "additionalProperties": false })
}

fn properties(parent: &str) -> Map<String, Value> {
    let path = |name: &str| if parent.is_empty() { name.to_owned() } else { format!("{parent}.{name}") };
    let known = keys::children(parent).filter(|name| *name != "*");
    known.filter_map(|name| Some((name.to_owned(), property(keys::find(&path(name))?)))).collect()
}

fn property(key: &Key) -> Value {
    let strings = || json!({ "type": "array", "items": { "type": "string" } });
    let string = || json!({ "type": "string" });
    let mut property = match key.kind {
        Kind::Table => closed(&properties(key.path)),
        Kind::Names => {
            let each = keys::find(&format!("{}.*", key.path)).map(property);
            json!({ "type": "object", "additionalProperties": each })
        }
        Kind::Text => string(),
        Kind::Flag => json!({ "type": "boolean" }),
        Kind::Whole(least, most) => json!({ "type": "integer", "minimum": least, "maximum": most }),
        Kind::Number => json!({ "type": "number", "exclusiveMinimum": 0 }),
        Kind::Span => json!({ "type": "string", "pattern": "^([0-9]+(h|m|s|ms))+$" }),
        Kind::Size => json!({ "type": "string", "pattern": "^[0-9]+[kKmMgG]([iI]?[bB])?$" }),
        Kind::List => strings(),
        Kind::TextOrList => json!({ "anyOf": [string(), strings()] }),
        Kind::TextOrTable => json!({ "anyOf": [string(), closed(&properties(key.path))] }),
    };
    property["description"] = json!(key.about);
    property
}
