# Functions of nixpkgs' lib, as far as they are used here, with the same meaning.
let
  inherit (builtins)
    all
    attrNames
    concatStringsSep
    elem
    filter
    isAttrs
    isList
    isPath
    isString
    listToAttrs
    map
    mapAttrs
    pathExists
    stringLength
    substring
    ;

  nameValuePair = name: value: { inherit name value; };

  # A file set is a predicate of paths, as strings, below which everything belongs to it too.
  isBelow = path: set: any' (prefix: path == prefix || hasPrefix "${prefix}/" path) set;
  any' = builtins.any;
  hasPrefix = prefix: text: substring 0 (stringLength prefix) text == prefix;
  paths =
    set:
    if isPath set then
      if pathExists set then [ (toString set) ] else throw "lib.fileset: ${toString set} does not exist"
    else
      set.paths or (throw "lib.fileset: a path or a file set is expected");
in
{
  inherit
    concatStringsSep
    listToAttrs
    nameValuePair
    hasPrefix
    ;

  hasSuffix =
    suffix: text:
    let
      start = stringLength text - stringLength suffix;
    in
    start >= 0 && substring start (-1) text == suffix;
  genAttrs = names: value: listToAttrs (map (name: nameValuePair name (value name)) names);
  mapAttrsToList = function: set: map (name: function name set.${name}) (attrNames set);
  concatMapStrings = function: list: concatStringsSep "" (map function list);
  concatMapStringsSep =
    separator: function: list:
    concatStringsSep separator (map function list);
  optional = condition: value: if condition then [ value ] else [ ];
  optionalAttrs = condition: set: if condition then set else { };
  toUpper =
    let
      letters = builtins.split "" "abcdefghijklmnopqrstuvwxyz";
      capitals = builtins.split "" "ABCDEFGHIJKLMNOPQRSTUVWXYZ";
      strings = filter (part: isString part && part != "");
    in
    builtins.replaceStrings (strings letters) (strings capitals);
  importTOML = file: builtins.fromTOML (builtins.readFile file);

  getExe =
    package:
    "${package}/bin/${package.meta.mainProgram or (throw "getExe: ${package.name} has no mainProgram")}";

  licenses = {
    mit.spdxId = "MIT";
    asl20.spdxId = "Apache-2.0";
  };
  platforms.linux = [
    "x86_64-linux"
    "aarch64-linux"
  ];

  fileset = {
    maybeMissing = path: { paths = if pathExists path then [ (toString path) ] else [ ]; };
    unions = sets: { paths = builtins.concatMap paths sets; };
    difference = positive: negative: {
      paths = paths positive;
      without = paths negative;
    };
    toSource =
      { root, fileset }:
      assert isPath root;
      {
        outPath = builtins.path {
          name = "source";
          path = root;
          filter =
            path: type:
            isBelow path (paths fileset) && !isBelow path (fileset.without or [ ]) && baseNameOf path != ".git";
        };
      };
  };
}
// import ./modules.nix
