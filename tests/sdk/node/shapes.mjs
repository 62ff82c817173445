// Whether an answer has the shape that the SDK declares for it: every field there, each of its type.
import ts from "typescript";

const { TypeFlags, SymbolFlags } = ts;
const PLAIN = [
  [TypeFlags.StringLike, "string"],
  [TypeFlags.NumberLike, "number"],
  [TypeFlags.BooleanLike, "boolean"],
];
const AS_THEY_ARE = TypeFlags.Any | TypeFlags.Unknown | TypeFlags.Void;

/**
 * What is wrong with a value, as sentences; none when it has the shape of the type.
 *
 * A field that may be left out may be null as well: that is how the service says that it has none.
 */
export function complaintsAbout(checker, value, type, path = "answer") {
  if (type.flags & AS_THEY_ARE) return [];
  if (type.flags & TypeFlags.TypeParameter) {
    const bound = checker.getBaseConstraintOfType(type);
    return bound ? complaintsAbout(checker, value, bound, path) : [];
  }
  if (type.isLiteral()) return value === type.value ? [] : [`${path} is ${show(value)}, not ${show(type.value)}`];
  if (type.isUnion() && !(type.flags & TypeFlags.Boolean)) return aboutUnion(checker, value, type, path);
  const plain = PLAIN.find(([flags]) => type.flags & flags);
  if (plain) return typeof value === plain[1] ? [] : [`${path} is ${show(value)}, not a ${plain[1]}`];
  if (type.flags & TypeFlags.Undefined) return value === undefined ? [] : [`${path} is ${show(value)}, not undefined`];
  return aboutObject(checker, value, type, path);
}

function aboutUnion(checker, value, type, path) {
  const found = type.types.map((each) => complaintsAbout(checker, value, each, path));
  return found.some((each) => !each.length) ? [] : [`${path} is ${show(value)}, not ${checker.typeToString(type)}`];
}

function aboutObject(checker, value, type, path) {
  if (checker.isArrayType(type)) {
    if (!Array.isArray(value)) return [`${path} is ${show(value)}, not an array`];
    const [item] = checker.getTypeArguments(type);
    return value.flatMap((each, index) => complaintsAbout(checker, each, item, `${path}[${index}]`));
  }
  if (value === null || typeof value !== "object" || Array.isArray(value))
    return [`${path} is ${show(value)}, not an object`];
  if (type.symbol?.name === "ArrayBuffer") return value instanceof ArrayBuffer ? [] : [`${path} is no ArrayBuffer`];
  return checker.getPropertiesOfType(type).flatMap((field) => aboutField(checker, value, field, path));
}

function aboutField(checker, value, field, path) {
  if (field.escapedName.startsWith("__@")) return []; // a mark of the type system, no field
  const given = value[field.name];
  const mayLack = field.flags & SymbolFlags.Optional;
  if (mayLack && (given === undefined || given === null)) return [];
  return complaintsAbout(
    checker,
    given,
    checker.getNonNullableType(checker.getTypeOfSymbol(field)),
    `${path}.${field.name}`,
  );
}

function show(value) {
  return String(JSON.stringify(value)).slice(0, 120);
}
