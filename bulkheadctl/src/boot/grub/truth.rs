//! `test` and `[`. Source: GRUB `grub-core/commands/test.c`.

/// Whether there is such a file, and whether with something in it: what a test of files asks.
pub(super) trait Asked {
    /// A file's size.
    fn size(&self, path: &str) -> Option<u64>;
    /// Whether there is a folder.
    fn is_folder(&self, path: &str) -> bool;
}

/// Whether it is so. What is not understood is not.
pub(super) fn test(words: &[String], asked: &dyn Asked) -> bool {
    let mut rest = words.iter().map(String::as_str).collect::<Vec<_>>();
    rest.reverse();
    either(&mut rest, asked, 0)
}

/// The words that are left, the next one last.
type Rest<'a> = Vec<&'a str>;

fn either(rest: &mut Rest<'_>, asked: &dyn Asked, depth: usize) -> bool {
    let mut is = both(rest, asked, depth);
    while rest.last() == Some(&"-o") {
        rest.pop();
        is |= both(rest, asked, depth);
    }
    is
}

fn both(rest: &mut Rest<'_>, asked: &dyn Asked, depth: usize) -> bool {
    let mut is = one(rest, asked, depth);
    loop {
        match rest.last() {
            Some(&"-a") => drop(rest.pop()),
            // What follows without a word between counts as well.
            Some(&("-o" | ")")) | None => return is,
            Some(_) => {}
        }
        is &= one(rest, asked, depth);
    }
}

fn one(rest: &mut Rest<'_>, asked: &dyn Asked, depth: usize) -> bool {
    let Some(first) = rest.pop() else {
        return false;
    };
    let second = rest.last().copied();
    if let Some(is) = second.and_then(|operator| compare(first, operator, rest)) {
        return is;
    }
    match (first, second) {
        ("!", Some(_)) => !one(rest, asked, depth),
        ("(", Some(_)) if depth < super::MOST_DEPTH => {
            let is = either(rest, asked, depth + 1);
            rest.pop();
            is
        }
        ("-n" | "-z" | "-d" | "-e" | "-f" | "-s", Some(operand)) => {
            rest.pop();
            match first {
                "-n" => !operand.is_empty(),
                "-z" => operand.is_empty(),
                "-d" => asked.is_folder(operand),
                "-e" => asked.size(operand).is_some() || asked.is_folder(operand),
                "-f" => asked.size(operand).is_some(),
                _ => asked.size(operand).is_some_and(|bytes| bytes > 0),
            }
        }
        (text, _) => !text.is_empty(),
    }
}

/// `first OPERATOR operand`, if that is one and there is an operand; both are taken then.
fn compare(first: &str, operator: &str, rest: &mut Rest<'_>) -> Option<bool> {
    let operand = rest.len().checked_sub(2).map(|at| rest[at])?;
    let number = |text: &str| text.trim().parse::<i64>().unwrap_or(0);
    let order = number(first).cmp(&number(operand));
    let is = match operator {
        "=" | "==" => first == operand,
        "!=" => first != operand,
        "<" => first < operand,
        ">" => first > operand,
        "<=" => first <= operand,
        ">=" => first >= operand,
        "-eq" => order.is_eq(),
        "-ne" => order.is_ne(),
        "-lt" => order.is_lt(),
        "-le" => order.is_le(),
        "-gt" => order.is_gt(),
        "-ge" => order.is_ge(),
        _ => return None,
    };
    rest.truncate(rest.len() - 2);
    Some(is)
}
