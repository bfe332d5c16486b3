# SPDX-License-Identifier: Apache-2.0
# Judge includes by layers.txt (variable `layers`). Input: paths of sources, one a line, from the
# tree's root, which is the working directory. Output: a line for each fault; status 1 if any.

# Pattern to regular expression: * any but /, ** any; [ch] stays.
function regex(pattern)
{
    gsub(/[.+(){}^$|?\\]/, "\\\\&", pattern)
    gsub(/\*\*/, "\001", pattern)
    gsub(/\*/, "[^/]*", pattern)
    gsub(/\001/, ".*", pattern)
    return "^" pattern "$"
}

function fault(where, text)
{
    print where ": " text
    faults++
}

function layer_of(path,    i)
{
    for (i = 1; i <= patterns; i++)
        if (path ~ pattern_regex[i])
            return pattern_layer[i]
    return ""
}

function may_include(from, to)
{
    return (from == to && from != "rules") || (from SUBSEP to) in may || (from SUBSEP "*") in may
}

# `header` is what stood between < and >, or a generated header's path.
function judge_foreign(where, file, layer, header,    i, known, good, n, allowed, j)
{
    for (i = 1; i <= alones; i++) {
        if (header !~ alone_regex[i])
            continue
        known = 1
        n = split(alone_files[i], allowed, " ")
        for (j = 1; j <= n; j++)
            if (file ~ regex(allowed[j]))
                good = 1
    }
    if (known && !good && layer != "tests")
        fault(where, "<" header "> is not for this file (" layer ")")
    for (i = 1; i <= nevers; i++)
        if (never_layer[i] == layer && header ~ never_regex[i])
            fault(where, "<" header "> is not for the layer " layer)
}

function same_module(file, header)
{
    sub(/\.[ch]$/, "", file)
    sub(/\.h$/, "", header)
    return file == header
}

function judge_own(where, file, layer, header,    to)
{
    if (header ~ /\.pb-c\.h$/) {
        judge_foreign(where, file, layer, header)
        return
    }
    if (header ~ /(^|\/)\.\.?\// || (getline ignored < header) < 0) {
        fault(where, "\"" header "\" is no path from the root of the tree")
        return
    }
    close(header)
    to = layer_of(header)
    if (to == "")
        fault(where, "\"" header "\" is in no layer")
    else if (!may_include(layer, to) && !same_module(file, header))
        fault(where, "\"" header "\": " layer " may not include " to)
}

function judge_file(file,    layer, line, number, where, header)
{
    layer = layer_of(file)
    if (layer == "") {
        fault(file, "is in no layer of layers.txt")
        return
    }
    while ((getline line < file) > 0) {
        number++
        if (line !~ /^[ \t]*#[ \t]*include/)
            continue
        where = file ":" number
        header = line
        sub(/^[ \t]*#[ \t]*include[ \t]*/, "", header)
        if (header ~ /^</) {
            sub(/^</, "", header)
            sub(/>.*/, "", header)
            judge_foreign(where, file, layer, header)
        } else if (header ~ /^"/) {
            sub(/^"/, "", header)
            sub(/".*/, "", header)
            judge_own(where, file, layer, header)
        } else {
            fault(where, "an include by macro cannot be judged")
        }
    }
    close(file)
}

function bare(header)
{
    gsub(/[<>]/, "", header)
    return header
}

BEGIN {
    while ((getline rule < layers) > 0) {
        n = split(rule, word, " ")
        if (n == 0 || word[1] ~ /^#/)
            continue
        if (word[1] == "layer") {
            for (i = 3; i <= n; i++) {
                pattern_regex[++patterns] = regex(word[i])
                pattern_layer[patterns] = word[2]
            }
        } else if (word[1] == "may") {
            for (i = 3; i <= n; i++)
                may[word[2], word[i]] = 1
        } else if (word[1] == "alone") {
            alone_regex[++alones] = regex(bare(word[2]))
            for (i = 3; i <= n; i++)
                alone_files[alones] = alone_files[alones] " " word[i]
        } else if (word[1] == "never") {
            for (i = 3; i <= n; i++) {
                never_layer[++nevers] = word[2]
                never_regex[nevers] = regex(bare(word[i]))
            }
        } else {
            fault("layers.txt", "not understood: " rule)
        }
    }
    close(layers)
    if (patterns == 0)
        fault("layers.txt", "names no layer")
}

{ judge_file($0) }

END { exit faults > 0 }
