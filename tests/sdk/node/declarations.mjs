// What an SDK declares in its own .d.ts files: its services, what their methods take, and what they promise.
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import ts from "typescript";

const find = createRequire(import.meta.url);

/** The declarations of the package in that folder: `readService(name)` gives the methods of a service by name. */
export function readDeclarations(folder) {
  const told = find(join(folder, "package.json"));
  const entry = join(folder, told.types);
  const program = ts.createProgram([entry], {
    lib: ["lib.es2022.d.ts", "lib.dom.d.ts"],
    target: ts.ScriptTarget.ES2022,
    moduleResolution: ts.ModuleResolutionKind.Node10,
    strict: true,
    skipLibCheck: true,
    noEmit: true,
    types: [],
  });
  const checker = program.getTypeChecker();
  const file = checker.getSymbolAtLocation(program.getSourceFile(entry));
  const named = (name) => {
    const found = checker.tryGetMemberInModuleExports(name, file);
    return found && found.flags & ts.SymbolFlags.Alias ? checker.getAliasedSymbol(found) : found;
  };
  return { version: told.version, checker, readService: (name) => readService(checker, named(name)) };
}

/** The folder of a package, by the name under which it is installed here. */
export function folderOf(name) {
  const main = find.resolve(name);
  let folder = dirname(main);
  while (!main.startsWith(join(folder, "dist"))) folder = dirname(folder);
  return folder;
}

function readService(checker, symbol) {
  const methods = new Map();
  for (const member of checker.getDeclaredTypeOfSymbol(symbol).getProperties()) {
    const signatures = checker.getTypeOfSymbol(member).getCallSignatures();
    if (signatures.length) methods.set(member.name, readMethod(checker, signatures));
  }
  return methods;
}

/** `takesObject`: parameters come as one object. `names`: theirs, in order. `result`: the type of the answer. */
function readMethod(checker, signatures) {
  const whole = signatures.find((each) => each.parameters.length === 1 && each.parameters[0].name === "params");
  const chosen = whole ?? signatures[0];
  const names = whole
    ? checker
        .getNonNullableType(checker.getTypeOfSymbol(whole.parameters[0]))
        .getProperties()
        .map((each) => each.name)
    : chosen.parameters.map((each) => each.name);
  const returned = chosen.getReturnType();
  const result = returned.symbol?.name === "Promise" ? checker.getTypeArguments(returned)[0] : returned;
  return { takesObject: Boolean(whole), names, result };
}
