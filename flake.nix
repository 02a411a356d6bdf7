{
  description = "Monitoring for Filecoin storage providers: Lotus in Prometheus and Grafana";

  inputs.nixpkgs.url = "github:NixOS/nixpkgs/nixos-26.05";

  outputs =
    { self, nixpkgs }:
    let
      inherit (nixpkgs) lib;
      forEachSystem =
        outputs:
        lib.genAttrs [ "x86_64-linux" "aarch64-linux" ] (
          system: outputs nixpkgs.legacyPackages.${system} self.packages.${system}
        );
      commit = self.shortRev or self.dirtyShortRev or "unknown";
    in
    {
      packages = forEachSystem (
        pkgs: packages: {
          default = pkgs.callPackage ./nix/package.nix { inherit commit; };
          static = pkgs.pkgsStatic.callPackage ./nix/package.nix { inherit commit; };
          image = pkgs.callPackage ./nix/image.nix {
            inherit commit;
            exporter = packages.static;
          };
        }
      );

      apps = forEachSystem (
        _: packages: {
          default = {
            type = "app";
            program = lib.getExe packages.default;
            meta.description = "Print the metrics of the Lotus nodes on this machine";
          };
        }
      );

      checks = forEachSystem (
        pkgs: packages:
        import ./nix/checks.nix {
          inherit pkgs;
          src = self;
          module = self.nixosModules.default;
          package = packages.default;
        }
      );

      devShells = forEachSystem (
        pkgs: packages: {
          default = pkgs.mkShell {
            inputsFrom = [ packages.default ];
            packages = [
              pkgs.clippy
              pkgs.rustfmt
              pkgs.prometheus
              pkgs.prometheus-node-exporter
            ];
          };
        }
      );

      overlays.default = final: _: {
        lotus-exporter-farcaster = final.callPackage ./nix/package.nix { inherit commit; };
      };

      nixosModules.default =
        { lib, pkgs, ... }:
        {
          imports = [
            ./nix/module.nix
            ./nix/suite.nix
            ./nix/farm.nix
          ];
          services.lotus-farcaster.package =
            lib.mkDefault
              self.packages.${pkgs.stdenv.hostPlatform.system}.default;
        };
    };
}
