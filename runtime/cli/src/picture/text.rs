//! A list for terminals: every step in the order of the file, with its ways below it. A
//! tree would repeat what several ways lead to.

use super::Picture;

pub fn draw(picture: &Picture) -> String {
    let entered = picture.entered.map_or_else(String::new, |count| format!("  ({count} entered)"));
    let mut text = format!("{}{entered}\n", picture.title);
    let width = picture.boxes.iter().map(|step| step.id.len()).max().unwrap_or(0);
    for (number, step) in picture.boxes.iter().enumerate() {
        let exited = match step.exited {
            Some(exited) if exited > 0 => format!("  ({exited} exited)"),
            _ => String::new(),
        };
        let mark = if step.is_end { "■" } else { "○" };
        text.push_str(&format!("{mark} {:width$}  {}{exited}\n", step.id, step.kind));
        let ways = picture.ways.iter().filter(|way| way.from == number);
        let ways: Vec<_> =
            ways.flat_map(|way| way.doors.iter().map(move |door| (way, door))).collect();
        let doors = ways.iter().map(|(_, door)| door.name.len()).max().unwrap_or(0);
        for (place, (way, door)) in ways.iter().enumerate() {
            let branch = if place + 1 == ways.len() { "└─" } else { "├─" };
            let count = door.count.map_or_else(String::new, |count| format!("  ({count})"));
            let to = &picture.boxes[way.to].id;
            text.push_str(&format!("│ {branch} {:doors$} → {to}{count}\n", door.name));
        }
    }
    text
}
