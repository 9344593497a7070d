#!/bin/sh
# Everything that looks at the code without running it: tests/lint/all.sh [BUILD_DIR]
# Prints what it finds; exit code 1 when there is something.
cd "$(dirname "$0")/../.." || exit 1
build=${1:-build}
failed=0

step() {
    echo "lint: $1"
    shift
    "$@" || failed=1
}

sources() { find lib core tui tests -name '*.c' | sort; }
headers() { find lib core tui tests -name '*.h' | sort; }

# Not the tests: cmocka's asserts do not look as if they ended the function, and every finding after them is false.
# The compilation database of meson, without gcc's own options that clang does not know.
tidy() {
    sources | grep -v '^tests/' | xargs -P "$(nproc)" -n 4 clang-tidy -p "$build" --quiet --warnings-as-errors='*' 2>&1 |
        grep -Ev '^[0-9]+ warnings? generated|^Suppressed |^Use -header-filter' >"$build/clang-tidy.log"
    found=$(grep -E 'warning:|error:' "$build/clang-tidy.log" | sort -u)
    [ -z "$found" ] || { printf '%s\nmore in %s\n' "$found" "$build/clang-tidy.log" && false; }
}

# The reasons stand beside each line of the list.
check_c() {
    cppcheck --quiet --error-exitcode=1 --std=c11 --enable=warning,performance,portability --inline-suppr \
        --suppressions-list=tests/lint/cppcheck-suppressions.txt -j "$(nproc)" -I . -I core/include -I core -I tui \
        -I "$build/core/sql" -D_GNU_SOURCE '-DTMV_VERSION="0"' lib core tui
}

layout() {
    for file in $(sources) $(headers); do
        clang-format "$file" | cmp -s - "$file" || { echo "$file: run clang-format -i on it"; unclean=1; }
    done
    [ -z "${unclean:-}" ]
}

step 'rules of the house' python3 tests/lint/rules.py --program "$build/tui/tenantmv"
step 'the rules themselves' python3 tests/lint/selftest.py
step 'the API reference' python3 docs/api.py --check
step 'its check' python3 tests/lint/api_selftest.py
step 'mutants that can still be made' python3 tests/mutants/mutants.py --check
step 'layout (clang-format)' layout
step 'cppcheck' check_c
step 'clang-tidy' tidy
[ "$failed" -eq 0 ] && echo 'lint: nothing found'
exit "$failed"
