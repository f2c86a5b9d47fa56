//! `GET /content_blocks/list` and `GET /content_blocks/info`.

use serde_json::{Value as Json, json};

use super::query::Parameters;
use crate::api::Call;
use crate::reply::success;
use crate::track::{Reply, date};
use crate::workspace::ContentBlock;

const USUAL: usize = 100;
const MOST: usize = 1000;

pub(super) fn list(call: &Call<'_>) -> Reply {
    read_list(call).unwrap_or_else(|refused| refused)
}

fn read_list(call: &Call<'_>) -> Result<Reply, Reply> {
    let asked = Parameters::of(&call.parts.uri);
    let after = asked.time("modified_after", "Modified after time is invalid.")?;
    let before = asked.time("modified_before", "Modified before time is invalid.")?;
    if after.zip(before).is_some_and(|(after, before)| after > before) {
        let message =
            "Modified after time must be earlier than or the same as modified before time.";
        return Err(Reply::new(400, message));
    }
    let limit = asked.number("limit", "Content Block number limit is invalid.")?.unwrap_or(USUAL);
    match limit {
        0 => return Err(Reply::new(400, "Content Block number limit must be greater than 0.")),
        1..=MOST => {}
        _ => return Err(Reply::new(400, "Content Block number limit exceeds maximum of 1000.")),
    }
    let offset = asked.number("offset", "Offset is invalid.")?.unwrap_or(0);
    let all = call.api.workspace.content_blocks();
    let found: Vec<&ContentBlock> = all
        .iter()
        .filter(|block| after.is_none_or(|after| block.edited_ms >= after))
        .filter(|block| before.is_none_or(|before| block.edited_ms <= before))
        .collect();
    let page: Vec<Json> = found.into_iter().skip(offset).take(limit).map(entry).collect();
    Ok(success(200)
        .with("count", page.len())
        .with("content_blocks", page)
        .with("message", "success"))
}

fn entry(block: &ContentBlock) -> Json {
    json!({
        "content_block_id": block.id,
        "name": block.name,
        "content_type": content_type(&block.content),
        "liquid_tag": format!("{{{{content_blocks.${{{}}}}}}}", block.name),
        "inclusion_count": block.included_by.len(),
        "created_at": date::iso_ms(block.created_ms),
        "last_edited": date::iso_ms(block.edited_ms),
        "tags": block.tags,
    })
}

pub(super) fn one(call: &Call<'_>) -> Reply {
    let asked = Parameters::of(&call.parts.uri);
    let inclusion = "'include_inclusion_data' must be 'true' or 'false'";
    let included = match asked.flag("include_inclusion_data", inclusion) {
        Ok(included) => included,
        Err(refused) => return refused,
    };
    let id = asked.get("content_block_id").unwrap_or_default();
    let all = call.api.workspace.content_blocks();
    let Some(block) = all.iter().find(|block| block.id == id) else {
        return Reply::new(400, "Content Block cannot be found.");
    };
    let reply = success(200)
        .with("content_block_id", block.id.as_str())
        .with("name", block.name.as_str())
        .with("content", block.content.as_str())
        .with("description", block.description.as_str())
        .with("content_type", content_type(&block.content))
        .with("tags", block.tags.clone())
        .with("created_at", date::iso_ms(block.created_ms))
        .with("last_edited", date::iso_ms(block.edited_ms))
        .with("inclusion_count", block.included_by.len());
    let inclusion: Vec<Json> =
        block.included_by.iter().map(|canvas| json!({"canvas_id": canvas})).collect();
    let reply = if included { reply.with("inclusion_data", inclusion) } else { reply };
    reply.with("message", "success")
}

/// Blocks have no declared type; one that begins an element is HTML.
fn content_type(content: &str) -> &'static str {
    let mut bytes = content.as_bytes().windows(2);
    match bytes.any(|pair| pair[0] == b'<' && (pair[1].is_ascii_alphabetic() || pair[1] == b'!')) {
        true => "html",
        false => "text",
    }
}
