//! Words made statements. Source: GRUB `grub-core/script/parser.y`.

use std::rc::Rc;

use super::lexer::{Token, Word, tokens};
use super::{MOST_DEPTH, MOST_SCRIPT};

pub(super) type Block = Rc<Vec<Statement>>;

/// A statement.
#[derive(Debug)]
pub(super) enum Statement {
    /// A command, with the block behind it if it has one (`menuentry`, `submenu`).
    Command {
        words: Vec<Word>,
        block: Option<Block>,
    },
    /// Conditions and what follows from each; what else.
    If {
        arms: Vec<(Block, Block)>,
        otherwise: Block,
    },
    /// A word for each.
    For {
        name: String,
        words: Vec<Word>,
        body: Block,
    },
    /// As long as its condition is, or is not.
    While {
        condition: Block,
        is_until: bool,
        body: Block,
    },
    /// A function is made.
    Function { name: String, body: Block },
}

struct Parser {
    tokens: std::iter::Peekable<std::vec::IntoIter<Token>>,
    depth: usize,
}

/// Takes a script apart.
///
/// # Errors
/// What is wrong, in words.
pub(super) fn parse(script: &[u8]) -> Result<Block, String> {
    if script.len() > MOST_SCRIPT {
        return Err(format!("more than {MOST_SCRIPT} bytes"));
    }
    let text = String::from_utf8_lossy(script);
    let mut parser = Parser {
        tokens: tokens(&text).into_iter().peekable(),
        depth: 0,
    };
    let (block, _) = parser.block(&[])?;
    Ok(block)
}

impl Parser {
    /// Statements up to one of those words, which is taken; without any, up to the end.
    fn block(&mut self, ends: &[&str]) -> Result<(Block, String), String> {
        self.depth += 1;
        if self.depth > MOST_DEPTH {
            return Err(format!("more than {MOST_DEPTH} blocks in each other"));
        }
        let mut statements = Vec::new();
        let end = loop {
            let Some(token) = self.tokens.next() else {
                if ends.is_empty() {
                    break String::new();
                }
                return Err(format!("there is no \"{}\"", ends.join("\" or \"")));
            };
            let Token::Word(word) = token else { continue };
            match word.plain() {
                Some(text) if ends.contains(&text) => break text.to_string(),
                Some(text @ ("fi" | "then" | "else" | "elif" | "do" | "done" | "}")) => {
                    return Err(format!("\"{text}\" without its beginning"));
                }
                _ => statements.push(self.statement(word)?),
            }
        };
        self.depth -= 1;
        Ok((Rc::new(statements), end))
    }

    fn statement(&mut self, first: Word) -> Result<Statement, String> {
        match first.plain() {
            Some("if") => self.condition(),
            Some("for") => self.each(),
            Some(text @ ("while" | "until")) => {
                let is_until = text == "until";
                let (condition, _) = self.block(&["do"])?;
                let (body, _) = self.block(&["done"])?;
                Ok(Statement::While {
                    condition,
                    is_until,
                    body,
                })
            }
            Some("function") => {
                let name = self.name()?;
                self.open()?;
                let (body, _) = self.block(&["}"])?;
                Ok(Statement::Function { name, body })
            }
            _ => self.command(first),
        }
    }

    fn condition(&mut self) -> Result<Statement, String> {
        let mut arms = Vec::new();
        loop {
            let (condition, _) = self.block(&["then"])?;
            let (body, end) = self.block(&["fi", "else", "elif"])?;
            arms.push((condition, body));
            let otherwise = match end.as_str() {
                "elif" => continue,
                "else" => self.block(&["fi"])?.0,
                _ => Block::default(),
            };
            return Ok(Statement::If { arms, otherwise });
        }
    }

    fn each(&mut self) -> Result<Statement, String> {
        let name = self.name()?;
        let mut words = Vec::new();
        while let Some(Token::Word(word)) = self.tokens.next() {
            words.push(word);
        }
        if !words.is_empty() && words.remove(0).plain() != Some("in") {
            return Err("\"for\" without its \"in\"".to_string());
        }
        self.block(&["do"])?;
        let (body, _) = self.block(&["done"])?;
        Ok(Statement::For { name, words, body })
    }

    fn command(&mut self, first: Word) -> Result<Statement, String> {
        let takes_block = matches!(first.plain(), Some("menuentry" | "submenu"));
        let (mut words, mut block) = (vec![first], None);
        // A brace ends a command as well as a line's end does, and is its block's.
        let is_end = |token: &Token| match token {
            Token::Word(word) => word.plain() == Some("}"),
            Token::End => true,
        };
        while let Some(Token::Word(word)) = self.tokens.next_if(|token| !is_end(token)) {
            if takes_block && word.plain() == Some("{") {
                block = Some(self.block(&["}"])?.0);
                break;
            }
            words.push(word);
        }
        Ok(Statement::Command { words, block })
    }

    fn name(&mut self) -> Result<String, String> {
        match self.tokens.next() {
            Some(Token::Word(word)) if word.plain().is_some() => {
                Ok(word.plain().unwrap_or_default().to_string())
            }
            _ => Err("a name is missing".to_string()),
        }
    }

    /// The brace of a function, on the same line or a later one.
    fn open(&mut self) -> Result<(), String> {
        while self.tokens.next_if_eq(&Token::End).is_some() {}
        match self.tokens.next() {
            Some(Token::Word(word)) if word.plain() == Some("{") => Ok(()),
            _ => Err("\"{\" is missing".to_string()),
        }
    }
}
