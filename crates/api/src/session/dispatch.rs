//! From the name of a call to its function, out of the one table of calls.

use serde::{Serialize, de::DeserializeOwned};
use serde_json::{Value, json};

use super::Session;
use crate::{Code, Error, account, friends, messages, network, rooms, table::rpc_table};

macro_rules! write_dispatch {
    ($($(#[doc = $doc:literal])* $name:ident($params:ty) -> $answer:ty;)*) => {
        /// Reads the parameters, calls, writes the answer.
        pub(super) async fn call(session: &Session, method: &str, params: Value) -> Result<Value, Error> {
            match method {
                $(
                    stringify!($name) => {
                        let params: $params = read(method, params)?;
                        // Boxed, so that the largest call does not make all others large.
                        let answer: $answer = Box::pin(session.$name(params)).await?;
                        write(&answer)
                    }
                )*
                _ => Err(Error::new(Code::Usage, format!("There is no call named {method}"))),
            }
        }
    };
}
rpc_table!(write_dispatch);

fn read<P: DeserializeOwned>(method: &str, params: Value) -> Result<P, Error> {
    let params = if params.is_null() { json!({}) } else { params };
    serde_json::from_value(params)
        .map_err(|error| Error::new(Code::Usage, format!("The parameters of {method} do not fit: {error}")))
}

fn write<A: Serialize>(answer: &A) -> Result<Value, Error> {
    serde_json::to_value(answer).map_err(|error| Error::new(Code::Internal, error.to_string()))
}
