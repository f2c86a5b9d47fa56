//! `/users/track` and its neighbours: the workspace answers; here only the keys of writes are read.

use axum::http::HeaderMap;
use serde_json::{Map, Value as Json};

use crate::api::{Api, Call};
use crate::reply::Fault;
use crate::track::{Array, Reply, WriteKey};
use crate::workspace::Neighbour;

const KEYS: &str = "x-flowrun-keys";

pub(super) async fn track(call: Call<'_>) -> Result<Reply, Fault> {
    let keys = keys(&call.parts.headers, &call.said.json)?;
    let (workspace, said) = (call.api.workspace.clone(), call.said);
    let reply = Api::whole(async move { workspace.track(said, keys).await }).await??;
    call.api.metrics.tracked(&reply);
    Ok(reply)
}

pub(super) async fn neighbour(call: Call<'_>, neighbour: Neighbour) -> Result<Reply, Fault> {
    let (workspace, said) = (call.api.workspace.clone(), call.said);
    Ok(Api::whole(async move { workspace.users(neighbour, said).await }).await??)
}

/// One key per object, or none at all.
fn keys(headers: &HeaderMap, body: &Map<String, Json>) -> Result<Option<Vec<WriteKey>>, Fault> {
    let mut all = headers.get_all(KEYS).iter();
    let header = match (all.next(), all.next()) {
        (None, _) => return Ok(None),
        (Some(header), None) => header.to_str().map_err(|_| Fault::Keys)?,
        _ => return Err(Fault::Keys),
    };
    let parsed: Result<Vec<WriteKey>, ()> =
        header.split(',').map(|key| key.trim().parse()).collect();
    let keys = parsed.map_err(|()| Fault::Keys)?;
    let length = |array: Array| body.get(array.name()).and_then(Json::as_array).map_or(0, Vec::len);
    match keys.len() == Array::ALL.into_iter().map(length).sum::<usize>() {
        true => Ok(Some(keys)),
        false => Err(Fault::Keys),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn there_is_one_key_per_object() {
        let body = json!({"attributes": [{}, {}], "events": [{}], "partner": [1, 2]});
        let read = |lines: &[&str]| {
            let mut headers = HeaderMap::new();
            for line in lines {
                headers.append(KEYS, line.parse().unwrap());
            }
            keys(&headers, body.as_object().unwrap()).map(|keys| keys.map(|keys| keys.len()))
        };
        let key = |number| format!("{:032X}.{number}", 7);
        let line = |numbers: &[u32]| numbers.iter().map(|n| key(*n)).collect::<Vec<_>>().join(", ");
        assert_eq!(read(&[]), Ok(None));
        assert_eq!(read(&[&line(&[0, 1, 255])]), Ok(Some(3)));
        assert_eq!(read(&[&line(&[256, 70_000, u32::MAX])]), Ok(Some(3)));
        let three = line(&[0, 1, 2]);
        let large = format!("{three}4294967296");
        for wrong in [&line(&[0, 1])[..], &line(&[0, 1, 2, 3]), &large, "", ",,", "x"] {
            assert_eq!(read(&[wrong]), Err(Fault::Keys), "{wrong}");
        }
        assert_eq!(read(&[&three, &three]), Err(Fault::Keys));
    }
}
