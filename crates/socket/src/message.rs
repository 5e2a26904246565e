//! JSON-RPC 2.0 values: requests, answers, notifications. Errors carry the contract's code and `retry` in `data`.

use madang_api::{Code, Error, Event};
use serde_json::{Value, json};

/// JSON-RPC's number for text that is no JSON.
const PARSE: i32 = -32700;
/// JSON-RPC's number for JSON that is no request.
const INVALID: i32 = -32600;
/// JSON-RPC's number for an unknown method.
const NO_METHOD: i32 = -32601;
/// JSON-RPC's number for parameters that do not fit.
const PARAMS: i32 = -32602;
/// JSON-RPC leaves this range to the application; the contract's code says which failure it is.
const FAILED: i32 = -32000;

/// A call as it came over the socket.
#[derive(Debug, PartialEq)]
pub(crate) struct Request {
    /// What the answer is marked with; a notification has none and gets no answer.
    pub(crate) id: Option<Value>,
    /// Name of the method.
    pub(crate) method: String,
    /// Object of parameters, or null.
    pub(crate) params: Value,
}

/// Reads one line as a request; a failure is the line to answer.
pub(crate) fn request(line: &[u8]) -> Result<Request, Value> {
    let refuse = |number, text: String| Err(failure(&Value::Null, number, &Error::new(Code::Usage, text)));
    let mut value: Value = match serde_json::from_slice(line) {
        Ok(value) => value,
        Err(error) => return refuse(PARSE, format!("This is no JSON: {error}")),
    };
    let Some(object) = value.as_object_mut() else {
        return refuse(INVALID, "A request is one JSON object; batches are not served".to_owned());
    };
    if object.get("jsonrpc").and_then(Value::as_str) != Some("2.0") {
        return refuse(INVALID, "A request says \"jsonrpc\":\"2.0\"".to_owned());
    }
    let id = object.remove("id");
    if !matches!(id, None | Some(Value::Null | Value::String(_) | Value::Number(_))) {
        return refuse(INVALID, "The id is a string or a number".to_owned());
    }
    let Some(Value::String(method)) = object.remove("method") else {
        return refuse(INVALID, "The method is missing".to_owned());
    };
    let params = object.remove("params").unwrap_or(Value::Null);
    if !(params.is_object() || params.is_null()) {
        return refuse(INVALID, "Parameters are an object".to_owned());
    }
    Ok(Request { id, method, params })
}

/// The answer to the call `id`.
pub(crate) fn answer(id: &Value, known: bool, result: Result<Value, Error>) -> Value {
    match result {
        Ok(result) => json!({ "jsonrpc": "2.0", "id": id, "result": result }),
        Err(error) => {
            let number = match error.code {
                Code::Usage if !known => NO_METHOD,
                Code::Usage => PARAMS,
                _ => FAILED,
            };
            failure(id, number, &error)
        }
    }
}

fn failure(id: &Value, number: i32, error: &Error) -> Value {
    let data = match &error.reason {
        Some(reason) => json!({ "code": error.code, "retry": error.retry, "reason": reason }),
        None => json!({ "code": error.code, "retry": error.retry }),
    };
    json!({ "jsonrpc": "2.0", "id": id, "error": { "code": number, "message": error.message, "data": data } })
}

/// A call to send.
pub(crate) fn call(id: u64, method: &str, params: &Value) -> Value {
    json!({ "jsonrpc": "2.0", "id": id, "method": method, "params": params })
}

/// The notification of an event.
pub(crate) fn notification(event: &Event) -> Value {
    json!({ "jsonrpc": "2.0", "method": "event", "params": event })
}

/// What a client finds on a line.
#[derive(Debug, PartialEq)]
pub(crate) enum Incoming {
    /// The answer to one of its calls.
    Answer(u64, Result<Value, Error>),
    /// An event.
    Event(Value),
}

/// Reads one line as a client does; `None` when it is neither an answer nor an event.
pub(crate) fn incoming(line: &[u8]) -> Option<Incoming> {
    let mut value: Value = serde_json::from_slice(line).ok()?;
    let object = value.as_object_mut()?;
    if object.get("method").and_then(Value::as_str) == Some("event") {
        return Some(Incoming::Event(object.remove("params")?));
    }
    let id = object.get("id")?.as_u64()?;
    let result = match object.remove("error") {
        Some(error) => Err(error_of(&error)),
        None => Ok(object.remove("result")?),
    };
    Some(Incoming::Answer(id, result))
}

fn error_of(error: &Value) -> Error {
    let data = error.get("data");
    let field = |name| data.and_then(|data: &Value| data.get(name));
    // A newer node may know a code that this program does not: its message still says what is wrong.
    let code =
        field("code").and_then(|code| serde_json::from_value(code.clone()).ok()).unwrap_or(Code::Internal);
    let message = error.get("message").and_then(Value::as_str).unwrap_or("The node gave no reason");
    let retry = field("retry").and_then(Value::as_bool).unwrap_or(false);
    let reason = field("reason").and_then(Value::as_str).map(str::to_owned);
    Error { code, message: message.to_owned(), reason, retry }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_request_is_read_and_anything_else_refused_with_its_number() {
        let read = request(br#"{"jsonrpc":"2.0","id":7,"method":"status","params":{}}"#).unwrap();
        assert_eq!(read, Request { id: Some(json!(7)), method: "status".into(), params: json!({}) });
        for (line, number) in [
            ("nonsense", PARSE),
            ("[]", INVALID),
            (r#"{"id":1,"method":"status"}"#, INVALID),
            (r#"{"jsonrpc":"2.0","id":1}"#, INVALID),
            (r#"{"jsonrpc":"2.0","id":[],"method":"status"}"#, INVALID),
            (r#"{"jsonrpc":"2.0","id":1,"method":"status","params":[1]}"#, INVALID),
        ] {
            let refusal = request(line.as_bytes()).unwrap_err();
            assert_eq!(refusal["error"]["code"], number, "{line}");
            assert_eq!(refusal["error"]["data"]["code"], "usage", "{line}");
        }
    }

    #[test]
    fn errors_come_back_as_they_went() {
        for code in [Code::Offline, Code::NotFound, Code::Usage, Code::Internal] {
            let error = Error { reason: Some("cause".to_owned()), ..Error::new(code, "words") };
            let line = answer(&json!(3), true, Err(error.clone())).to_string();
            assert_eq!(incoming(line.as_bytes()), Some(Incoming::Answer(3, Err(error))));
        }
    }

    #[test]
    fn an_unknown_code_keeps_its_message() {
        let line =
            br#"{"jsonrpc":"2.0","id":1,"error":{"code":-1,"message":"new","data":{"code":"brand_new"}}}"#;
        assert_eq!(incoming(line), Some(Incoming::Answer(1, Err(Error::new(Code::Internal, "new")))));
    }
}
