#!/bin/sh
# Makes src/lib/ui/fonts/inter-latin.woff2 from the package @fontsource-variable/inter: the weights and letters that nearly every page
# needs, at half the size. Other letters come from the package itself when a name needs them. Wants fonttools and brotli (pip).
set -eu
cd "$(dirname "$0")/.."
letters='U+0020-007E,U+00A0-00FF,U+0131,U+0152-0153,U+02BB-02BC,U+02C6,U+02DA,U+02DC,U+2000-206F,U+20AC,U+2122,U+2190-2193,U+2212,U+2215,U+FEFF,U+FFFD'
whole=node_modules/@fontsource-variable/inter/files/inter-latin-wght-normal.woff2
part=$(mktemp)
trap 'rm -f "$part"' EXIT
fonttools varLib.instancer "$whole" wght=400:700 -o "$part"
pyftsubset "$part" --unicodes="$letters" --layout-features=kern,tnum,ccmp,locl,mark --flavor=woff2 --output-file=src/lib/ui/fonts/inter-latin.woff2
cp node_modules/@fontsource-variable/inter/LICENSE src/lib/ui/fonts/LICENSE
