/**
 * What the compilers of this room throw. They know no file and no line: `config/` catches a CompileError and adds them.
 */

/** A text that cannot be compiled: the message is for the person who wrote it, in nginx's words where nginx has them. */
export class CompileError extends Error {
  override readonly name: string = 'CompileError';
}

/** A complex value that cannot be compiled: an unknown variable, or one that is misspelt. */
export class TemplateError extends CompileError {
  override readonly name = 'TemplateError';
}

/** A regular expression that cannot be compiled, or means something else in JavaScript and was refused for that. */
export class PatternError extends CompileError {
  override readonly name = 'PatternError';
}
