//! A script cut into words. Source: GRUB `grub-core/script/yylex.l`.

/// A piece of a word.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Piece {
    /// As it stands.
    Text(String),
    /// A variable; unless in quotes, its value is cut at white space.
    Variable {
        /// Its name.
        name: String,
        /// Whether in double quotes.
        is_quoted: bool,
    },
}

/// A word: pieces without a gap.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Word {
    pub(super) pieces: Vec<Piece>,
    /// Whether a part is in quotes: it is no keyword then, and is there even if it is empty.
    pub(super) is_quoted: bool,
}

impl Word {
    /// The text of a word without variables and quotes, which may be a keyword.
    pub(super) fn plain(&self) -> Option<&str> {
        match self.pieces.as_slice() {
            [Piece::Text(text)] if !self.is_quoted => Some(text),
            _ => None,
        }
    }

    fn push(&mut self, c: char) {
        if let Some(Piece::Text(text)) = self.pieces.last_mut() {
            text.push(c);
        } else {
            self.pieces.push(Piece::Text(c.to_string()));
        }
    }
}

/// What a script consists of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Token {
    /// A word.
    Word(Word),
    /// The end of a command: a line's end or a semicolon.
    End,
}

struct Reader<'a> {
    rest: std::iter::Peekable<std::str::Chars<'a>>,
    word: Option<Word>,
    tokens: Vec<Token>,
}

/// Cuts it. A quote that is not closed ends with the script.
pub(super) fn tokens(script: &str) -> Vec<Token> {
    let mut reader = Reader {
        rest: script.chars().peekable(),
        word: None,
        tokens: Vec::new(),
    };
    while let Some(c) = reader.rest.next() {
        reader.take(c);
    }
    reader.end_word();
    reader.tokens.push(Token::End);
    reader.tokens
}

impl Reader<'_> {
    fn take(&mut self, c: char) {
        match c {
            '\n' | ';' => {
                self.end_word();
                self.tokens.push(Token::End);
            }
            '#' if self.word.is_none() => while self.rest.next_if(|c| *c != '\n').is_some() {},
            // Words of their own wherever they stand, unless in quotes or in `${name}`.
            '{' | '}' => {
                self.end_word();
                self.word().push(c);
                self.end_word();
            }
            _ if c.is_whitespace() => self.end_word(),
            '\\' => match self.rest.next() {
                None | Some('\n') => {}
                Some(c) => self.word().push(c),
            },
            '\'' => {
                self.quoted();
                while let Some(c) = self.rest.next_if(|c| *c != '\'') {
                    self.word().push(c);
                }
                self.rest.next();
            }
            '"' => self.double_quoted(),
            '$' => self.variable(false),
            _ => self.word().push(c),
        }
    }

    fn word(&mut self) -> &mut Word {
        self.word.get_or_insert_default()
    }

    fn quoted(&mut self) {
        self.word().is_quoted = true;
    }

    fn end_word(&mut self) {
        self.tokens.extend(self.word.take().map(Token::Word));
    }

    fn double_quoted(&mut self) {
        self.quoted();
        while let Some(c) = self.rest.next() {
            match c {
                '"' => return,
                '$' => self.variable(true),
                '\\' => match self.rest.next_if(|c| "\\\"$\n".contains(*c)) {
                    Some('\n') => {}
                    Some(c) => self.word().push(c),
                    None => self.word().push('\\'),
                },
                _ => self.word().push(c),
            }
        }
    }

    /// `$name`, `${name}`, `$1`, `$?`, `$@`; a dollar before anything else is one.
    fn variable(&mut self, is_quoted: bool) {
        let mut name = String::new();
        match self.rest.peek() {
            Some('{') => {
                self.rest.next();
                while let Some(c) = self.rest.next_if(|c| *c != '}' && *c != '\n') {
                    name.push(c);
                }
                self.rest.next_if_eq(&'}');
            }
            Some(c) if "?@*#".contains(*c) => name.extend(self.rest.next()),
            _ => {
                while let Some(c) = self
                    .rest
                    .next_if(|c| c.is_ascii_alphanumeric() || *c == '_')
                {
                    name.push(c);
                }
            }
        }
        if name.is_empty() {
            self.word().push('$');
        } else {
            let variable = Piece::Variable { name, is_quoted };
            self.word().pieces.push(variable);
        }
    }
}
