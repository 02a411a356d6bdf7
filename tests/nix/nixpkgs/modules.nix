# A module system that does what nixpkgs' does with the modules here: undefined options, wrong types and contradictions are errors.
let
  inherit (builtins)
    all
    attrNames
    attrValues
    concatMap
    concatStringsSep
    elem
    filter
    foldl'
    functionArgs
    head
    isAttrs
    isBool
    isFunction
    isInt
    isList
    isPath
    isString
    length
    mapAttrs
    match
    ;
  show = concatStringsSep ".";
  unique = foldl' (list: item: if elem item list then list else list ++ [ item ]) [ ];
  namesOf = sets: unique (concatMap attrNames sets);
  typeOf = value: if isAttrs value then value._type or null else null;

  mkOverride = priority: content: {
    _type = "override";
    inherit priority content;
  };
  mkIf = condition: content: {
    _type = "if";
    inherit condition content;
  };

  # A definition as plain sets, whose values carry the conditions and priorities, which thus need not be known yet.
  pushDown =
    definition:
    {
      "if" = map (mapAttrs (_: mkIf definition.condition)) (pushDown definition.content);
      merge = concatMap pushDown definition.contents;
      override = map (mapAttrs (_: mkOverride definition.priority)) (pushDown definition.content);
    }
    .${toString (typeOf definition)} or [ definition ];

  # The definitions of one option that hold: [ { priority, value } ].
  discharge =
    definition:
    {
      "if" =
        assert isBool definition.condition;
        if definition.condition then discharge definition.content else [ ];
      merge = concatMap discharge definition.contents;
      override = map (one: one // { inherit (definition) priority; }) (discharge definition.content);
    }
    .${toString (typeOf definition)} or [
      {
        priority = 100;
        value = definition;
      }
    ];
  strongest =
    definitions:
    let
      held = concatMap discharge definitions;
      least = foldl' (a: b: if a < b.priority then a else b.priority) 9999 held;
    in
    map (one: one.value) (filter (one: one.priority == least) held);

  merge =
    type: path: values:
    let
      wrong = filter (value: !(type.check value)) values;
    in
    if wrong != [ ] then
      throw "The option `${show path}' is not of type ${type.name}: ${builtins.toJSON wrong}"
    else
      type.merge path values;
  one =
    path: values:
    if all (value: value == head values) values then
      head values
    else
      throw "The option `${show path}' has conflicting definitions";
  simple = name: check: {
    inherit name check;
    merge = one;
  };

  isOption = value: typeOf value == "option";

  # The values of a tree of options, and an error for each definition that has no option.
  evaluate =
    path: options: freeform: definitions:
    let
      sets = concatMap pushDown definitions;
      undefined = filter (name: !options ? ${name}) (namesOf sets);
      at = name: concatMap (set: if set ? ${name} then [ set.${name} ] else [ ]) sets;
      value =
        name: option:
        let
          here = path ++ [ name ];
          given = strongest (at name);
        in
        if !isOption option then
          evaluate here option null (at name)
        else if given != [ ] then
          merge option.type here given
        else if option ? default then
          merge option.type here [ option.default ]
        else
          throw "The option `${show here}' is used but not defined";
      rest = freeform.merge path (map (set: removeAttrs set (attrNames options)) sets);
    in
    if undefined != [ ] && freeform == null then
      throw "The option `${show (path ++ [ (head undefined) ])}' does not exist"
    else
      (if undefined == [ ] then { } else rest) // mapAttrs value options;

  mergeOptions =
    path: a: b:
    a
    // mapAttrs (
      name: option:
      if !a ? ${name} then
        option
      else if isOption option || isOption a.${name} then
        throw "The option `${show (path ++ [ name ])}' is declared twice"
      else
        mergeOptions (path ++ [ name ]) a.${name} option
    ) b;

  types = rec {
    anything = simple "anything" (_: true);
    bool = simple "boolean" isBool;
    int = simple "integer" isInt;
    port = simple "port" (value: isInt value && value > 0 && value < 65536);
    str = simple "string" isString;
    strMatching = pattern: simple "string like ${pattern}" (value: isString value && match pattern value != null);
    lines = str // {
      merge = _: concatStringsSep "\n";
    };
    path = simple "path" (value: isPath value || isString value && match "/.*" value != null || value ? outPath);
    package = simple "package" (value: typeOf value == null && value.type or null == "derivation");
    enum = values: simple "one of ${builtins.toJSON values}" (value: elem value values);
    oneOf = alternatives: simple "one of several" (value: builtins.any (type: type.check value) alternatives);
    nullOr = type: {
      name = "null or ${type.name}";
      check = value: value == null || type.check value;
      merge = path: values: if all (value: value == null) values then null else merge type path values;
    };
    listOf = type: {
      name = "list of ${type.name}";
      check = isList;
      merge =
        path: values: concatMap (value: map (item: merge type path [ item ]) (strongest [ value ])) (concatMap (x: x) values);
    };
    attrsOf = type: {
      name = "set of ${type.name}";
      check = isAttrs;
      merge =
        path: values:
        let
          sets = concatMap pushDown values;
          at = name: strongest (concatMap (set: if set ? ${name} then [ set.${name} ] else [ ]) sets);
        in
        builtins.listToAttrs (
          concatMap (
            name:
            if at name == [ ] then
              [ ]
            else
              [
                {
                  inherit name;
                  value = merge type (path ++ [ name ]) (at name);
                }
              ]
          ) (namesOf sets)
        );
    };
    # Real ones take modules; here a set of options, and the type of what else may be there.
    submodule = options: freeform: {
      name = "submodule";
      check = isAttrs;
      merge = path: evaluate path options freeform;
    };
  };
in
{
  inherit types mkIf mkOverride;
  mkDefault = mkOverride 1000;
  mkForce = mkOverride 50;
  mkMerge = contents: {
    _type = "merge";
    inherit contents;
  };
  mkOption =
    {
      default ? null,
      example ? null,
      description ? null,
      type,
    }@option:
    option // { _type = "option"; };
  mkEnableOption = what: {
    _type = "option";
    type = types.bool;
    default = false;
    description = "Whether to enable ${what}.";
  };

  evalModules =
    { modules, specialArgs }:
    let
      arguments = specialArgs // { inherit config; };
      load =
        module:
        if isPath module then
          load (import module)
        else if isFunction module then
          let
            missing = filter (name: !arguments ? ${name}) (attrNames (functionArgs module));
          in
          if missing == [ ] then load (module arguments) else throw "modules have no argument ${head missing}"
        else if module ? config || module ? options then
          let
            unknown = attrNames (
              removeAttrs module [
                "imports"
                "options"
                "config"
              ]
            );
          in
          if unknown == [ ] then
            [ module ] ++ concatMap load (module.imports or [ ])
          else
            throw "a module has an unsupported attribute `${head unknown}'"
        else
          [ { config = removeAttrs module [ "imports" ]; } ] ++ concatMap load (module.imports or [ ]);
      loaded = concatMap load modules;
      options = foldl' (mergeOptions [ ]) { } (map (module: module.options or { }) loaded);
      config = evaluate [ ] options null (map (module: module.config or { }) loaded);
    in
    {
      inherit config options;
    };
}
