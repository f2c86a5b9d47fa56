//! For other programs: steps and ways, with counts where there are any.

use serde_json::{Value as Json, json};

use super::Picture;

pub fn draw(picture: &Picture) -> Json {
    let steps = picture.boxes.iter().map(|step| {
        let mut shown = json!({ "id": step.id, "kind": step.kind });
        if let Some(exited) = step.exited {
            shown["exited"] = exited.into();
        }
        shown
    });
    let ways = picture.ways.iter().flat_map(|way| {
        let (from, to) = (&picture.boxes[way.from].id, &picture.boxes[way.to].id);
        way.doors.iter().map(move |door| {
            let mut shown = json!({ "from": from, "via": door.name, "to": to });
            if let Some(count) = door.count {
                shown["count"] = count.into();
            }
            shown
        })
    });
    let mut shown = json!({
        "canvas": picture.title,
        "steps": steps.collect::<Vec<_>>(),
        "ways": ways.collect::<Vec<_>>(),
    });
    if let Some(entered) = picture.entered {
        shown["entered"] = entered.into();
    }
    shown
}
