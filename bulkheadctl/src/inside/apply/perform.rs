//! `apply FILE`: what is there is asked for, and the steps are taken.

use std::fmt::Display;
use std::io::Write;
use std::path::Path;

use serde_json::json;

use super::{Present, Step, Wanted, back, isolation, plan, read, shown, shown_links, shown_memory};
use crate::inside::link::{Trouble, Variables, ask, line};
use crate::inside::told::Partition;
use crate::inside::{Wish, all, lined, print, said};

/// Makes what there is what the file says; whether all of it is.
pub(in crate::inside) fn apply(
    wish: &Wish,
    variables: &impl Variables,
    out: &mut dyn Write,
) -> Result<bool, Trouble> {
    let path = wish.words.first();
    let path = path.ok_or_else(|| Trouble::Usage(String::from("apply: which file?")))?;
    let of_file = |why: &dyn Display| format!("{}: {why}", Path::new(path).display());
    let text = std::fs::read_to_string(path).map_err(|error| Trouble::Missing(of_file(&error)))?;
    let wanted = read(&text).map_err(|why| Trouble::Refused(of_file(&why)))?;
    let present = present(&wanted, wish, variables)?;
    let mut steps = Vec::new();
    if wanted.isolation.is_some() {
        let shown = line(variables, "isolation", wish.patience())?;
        steps.extend(isolation(&wanted, &shown));
    }
    steps.extend(plan(&wanted, &present, wish.has("--restart")));
    if wish.has("--dry-run") {
        for step in &steps {
            say(wish, "", step, out)?;
        }
        return Ok(steps.is_empty());
    }
    let mut done = 0;
    for step in &steps {
        let taken = say(wish, "", step, out)
            .and_then(|()| take(wish, step, variables))
            .and_then(|text| {
                done += 1;
                text.map_or(Ok(()), |text| said(wish, &text, out))
            });
        if let Err(trouble) = taken {
            // What was not answered in time goes on.
            done += usize::from(matches!(trouble, Trouble::Late(_)));
            let back = back(&steps, done, &present);
            return Err(with(trouble, &take_back(wish, &back, variables, out)));
        }
    }
    Ok(steps.iter().all(|step| step.request().is_some()))
}

/// Those of the file that there are.
fn present(
    wanted: &Wanted,
    wish: &Wish,
    variables: &impl Variables,
) -> Result<Vec<Present>, Trouble> {
    let all = all(variables)?;
    let is_meant = |one: &&Partition| {
        let mut wanted = wanted.definitions.iter();
        wanted.any(|wanted| wanted.name == one.name)
    };
    let show = |one: &Partition| {
        let text = line(variables, &format!("show {}", one.name), wish.patience())?;
        let unknown =
            || Trouble::Refused(format!("show {}: there is no definition in it", one.name));
        Ok(Present {
            definition: shown(&text).ok_or_else(unknown)?,
            links: shown_links(&one.name, &text),
            memory: shown_memory(&text),
            is_live: matches!(
                one.state.as_str(),
                "launching" | "running" | "ending" | "waiting"
            ),
        })
    };
    all.iter().filter(is_meant).map(show).collect()
}

/// Takes the steps back, as far as that goes; what there is to say of it, a line each.
fn take_back(
    wish: &Wish,
    back: &[Step],
    variables: &impl Variables,
    out: &mut dyn Write,
) -> String {
    let mut lines = String::new();
    for step in back {
        // It is done even if nobody reads any more.
        let _ = say(wish, "back: ", step, out);
        let line = match (take(wish, step, variables), step) {
            (Ok(_), Step::Start(name)) => format!("\nstarted again: {name}"),
            (Ok(_), _) => continue,
            (Err(trouble), _) => {
                let request = step.request().unwrap_or_default();
                format!("\nnot done: {request}: {}", why(&trouble))
            }
        };
        lines.push_str(&line);
    }
    lines
}

fn say(wish: &Wish, before: &str, step: &Step, out: &mut dyn Write) -> Result<(), Trouble> {
    let says = format!("{before}{step}");
    let shown = if wish.has("--json") {
        lined(&json!({ "step": step.request(), "says": says }))
    } else {
        says + "\n"
    };
    print(out, &shown)
}

/// Has it done; what the shell has said, if it is the shell's.
fn take(wish: &Wish, step: &Step, variables: &impl Variables) -> Result<Option<String>, Trouble> {
    match step.request() {
        Some(request) if step.is_line() => line(variables, &request, wish.patience()).map(Some),
        Some(request) => ask(variables, &request, wish.patience()).map(|_| None),
        None => Ok(None),
    }
}

/// The same trouble with more to say of it.
fn with(trouble: Trouble, more: &str) -> Trouble {
    let add = |why: String| format!("{}{more}", why.trim_end());
    match trouble {
        Trouble::Usage(why) => Trouble::Usage(add(why)),
        Trouble::Refused(why) => Trouble::Refused(add(why)),
        Trouble::Missing(why) => Trouble::Missing(add(why)),
        Trouble::Denied(why) => Trouble::Denied(add(why)),
        Trouble::Late(why) => Trouble::Late(add(why)),
    }
}

fn why(trouble: &Trouble) -> &str {
    match trouble {
        Trouble::Usage(why)
        | Trouble::Refused(why)
        | Trouble::Missing(why)
        | Trouble::Denied(why)
        | Trouble::Late(why) => why.trim_end(),
    }
}
