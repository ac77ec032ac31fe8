namespace Mumega.Cedar;

/// <summary>Finds what somebody probably meant.</summary>
internal static class Spelling
{
    /// <summary>The known name that is nearest to the given one, if one is near: at most a third of its letters wrong.</summary>
    public static string? Closest(string name, IEnumerable<string> known)
    {
        // One or two letters are near to anything.
        if (name.Length < 3)
            return null;

        var (best, distance) = ((string?)null, Math.Max(1, name.Length / 3) + 1);
        foreach (var candidate in known.Order(StringComparer.Ordinal))
        {
            if (Math.Abs(candidate.Length - name.Length) >= distance)
                continue;
            var d = Distance(name, candidate);
            if (d < distance)
                (best, distance) = (candidate, d);
        }

        return best;
    }

    // Levenshtein's distance, one row at a time.
    private static int Distance(string a, string b)
    {
        var row = new int[b.Length + 1];
        for (var j = 0; j <= b.Length; j++)
            row[j] = j;
        for (var i = 1; i <= a.Length; i++)
        {
            var (corner, left) = (row[0], i);
            row[0] = i;
            for (var j = 1; j <= b.Length; j++)
            {
                var next = Math.Min(Math.Min(row[j] + 1, left + 1), corner + (a[i - 1] == b[j - 1] ? 0 : 1));
                (corner, left, row[j]) = (row[j], next, next);
            }
        }

        return row[b.Length];
    }
}
