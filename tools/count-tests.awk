# Reads the logs of `ctest --verbose`, one per build, and counts test cases.
#   awk -f tools/count-tests.awk release.log asan.log
# A case is a cmocka case, a case that a program counts itself in a last line "N passed, M failed",
# or, where a program names no cases, the program. A case that ran in several builds is one case and
# passed when it passed in all of them. Prints "fail|skip NAME" lines and then "total P F S".

function finish_program(id, status,    key, i, n) {
    n = 0
    for (i = 1; i <= cases[id]; i++) {
        key = name[id] ": " case_name[id, i]
        note(key, case_state[id, i], 1)
        if (case_state[id, i] == "fail")
            n++
    }
    if (cases[id] == 0 && own_pass[id] + own_fail[id] + own_skip[id] > 0) {
        if (!(name[id] in own)) {
            own[name[id]] = 1
            passed += own_pass[id]; failed += own_fail[id]; skipped += own_skip[id]
            if (own_fail[id]) print "fail " name[id] ": " own_fail[id] " cases"
            if (own_skip[id]) print "skip " name[id] ": " own_skip[id] " cases"
        } else if (own_fail[id]) {
            failed += own_fail[id]
            print "fail " name[id] ": " own_fail[id] " cases in a second build"
        }
        n += own_fail[id]
    } else if (cases[id] == 0) {
        note(name[id], status, 1)
        if (status == "fail")
            n++
    }
    if (status == "fail" && n == 0)       # crashed, or timed out, or a leak was found at the end
        note(name[id] ": the program itself", "fail", 1)
    cases[id] = 0; own_pass[id] = own_fail[id] = own_skip[id] = 0
}

function note(key, state, n) {
    if (!(key in result)) {
        order[++order_cnt] = key
        result[key] = state
    } else if (state == "fail" || result[key] == "skip") {
        result[key] = (result[key] == "fail") ? "fail" : state
    }
}

function add_case(id, what, state,    i) {
    for (i = 1; i <= cases[id]; i++)      # cmocka repeats the names of failed cases at its end
        if (case_name[id, i] == what)
            return
    cases[id]++
    case_name[id, cases[id]] = what
    case_state[id, cases[id]] = state
}

{ gsub(/\033\[[0-9;]*m/, "") }

/^ *Start +[0-9]+: / {
    id = $2; sub(/:$/, "", id); name[id] = $3
    cases[id] = 0
    next
}
/^[0-9]+: \[       OK \] / { id = $1; sub(/:$/, "", id); add_case(id, $5, "pass"); next }
/^[0-9]+: \[  FAILED  \] / {
    if ($5 ~ /^[0-9]+$/) next             # "[  FAILED  ] tests: 2 test(s), listed below:"
    if ($5 == "tests:" || $5 == "GROUP") next
    id = $1; sub(/:$/, "", id); add_case(id, $5, "fail"); next
}
/^[0-9]+: \[  SKIPPED \] / {
    if ($5 ~ /^[0-9]+$/ || $5 == "tests:") next
    id = $1; sub(/:$/, "", id); add_case(id, $5, "skip"); next
}
/^[0-9]+: [0-9]+ passed, [0-9]+ failed/ {
    id = $1; sub(/:$/, "", id)
    own_pass[id] = $2 + 0; own_fail[id] = $4 + 0
    own_skip[id] = ($0 ~ /, [0-9]+ skipped/) ? $6 + 0 : 0
    next
}
/^ *[0-9]+\/[0-9]+ +Test +#[0-9]+: / {
    id = $0; sub(/^.*Test +#/, "", id); sub(/:.*/, "", id)
    if ($0 ~ / Passed +[0-9]/) state = "pass"
    else if ($0 ~ /\*\*\*(Skipped|Not Run)/) state = ($0 ~ /Skipped/) ? "skip" : "fail"
    else state = "fail"
    finish_program(id, state)
    next
}

END {
    for (i = 1; i <= order_cnt; i++) {
        state = result[order[i]]
        if (state == "pass") passed++
        else if (state == "skip") { skipped++; print "skip " order[i] }
        else { failed++; print "fail " order[i] }
    }
    print "total", passed + 0, failed + 0, skipped + 0
}
