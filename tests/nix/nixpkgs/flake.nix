# What lotus-farcaster uses of nixpkgs' interface, and nothing else: whatever is not here, or has another name, fails. Nothing can be built.
{
  outputs = _: {
    lib = import ./lib.nix;
    legacyPackages = builtins.listToAttrs (
      map (system: {
        name = system;
        value = import ./pkgs.nix system;
      }) [ "x86_64-linux" "aarch64-linux" ]
    );
  };
}
