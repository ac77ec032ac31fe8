using System.Text;

namespace Mumega.Cedar;

/// <summary>Writes policies and expressions as Cedar text, with no more parentheses than needed; reading the text gives the same again.</summary>
internal static class Printer
{
    private enum Rank
    {
        If,
        Or,
        And,
        Relation,
        Add,
        Multiply,
        Unary,
        Member,
    }

    public static string Of(Expr expr)
    {
        var text = new StringBuilder();
        Write(text, expr, Rank.If);
        return text.ToString();
    }

    public static string Of(Policy policy)
    {
        var text = new StringBuilder();
        foreach (var (name, value) in policy.Annotations)
            text.Append(value.Length == 0 ? $"@{name}\n" : $"@{name}({Text.Quote(value)})\n");
        text.Append(policy.Effect is Effect.Permit ? "permit (" : "forbid (").AppendJoin(", ", policy.Scope.Select(Of)).Append(')');
        foreach (var condition in policy.Conditions)
            text.Append(condition.Unless ? "\nunless { " : "\nwhen { ").Append(condition.Text).Append(" }");
        return Formatter.Format(text.Append(';').ToString()).TrimEnd();
    }

    private static string Of(Scope scope)
    {
        var entity =
            scope.Slot ? $"?{scope.Word}"
            : scope.Listed ? $"[{string.Join(", ", scope.Entities)}]"
            : scope.Entities.Count > 0 ? scope.Entities[0].ToString()
            : "";
        return scope.Kind switch
        {
            ScopeKind.Equal => $"{scope.Word} == {entity}",
            ScopeKind.In => $"{scope.Word} in {entity}",
            ScopeKind.Is => $"{scope.Word} is {scope.Type}",
            ScopeKind.IsIn => $"{scope.Word} is {scope.Type} in {entity}",
            _ => scope.Word,
        };
    }

    private static void Write(StringBuilder text, Expr expr, Rank needed)
    {
        var rank = RankOf(expr);
        if (rank < needed)
            text.Append('(');
        Body(text, expr);
        if (rank < needed)
            text.Append(')');
    }

    private static Rank RankOf(Expr expr) =>
        expr switch
        {
            If => Rank.If,
            Or => Rank.Or,
            And => Rank.And,
            Equality or Comparison or In or Is or Like or HasAttribute or HasPath => Rank.Relation,
            Arithmetic { Parts.Op: '*' } => Rank.Multiply,
            Arithmetic => Rank.Add,
            Not or Negate or Literal { Value: LongValue { Raw: < 0 } } => Rank.Unary,
            _ => Rank.Member,
        };

    private static void Body(StringBuilder text, Expr expr)
    {
        switch (expr)
        {
            case Literal literal:
                text.Append(literal.Value);
                break;
            case VariableExpr variable:
                text.Append(variable.Variable.ToString().ToLowerInvariant());
                break;
            case If { Parts: var (test, then, otherwise) }:
                text.Append("if ");
                Write(text, test, Rank.If);
                text.Append(" then ");
                Write(text, then, Rank.If);
                text.Append(" else ");
                Write(text, otherwise, Rank.If);
                break;
            case Or or:
                Join(text, or.Children, " || ", Rank.And);
                break;
            case And and:
                Join(text, and.Children, " && ", Rank.Relation);
                break;
            case Not not:
                text.Append('!');
                Write(text, not.Operand, Rank.Member);
                break;
            case Negate negate:
                // `-1` is a literal; only with parentheses is it the negation of one.
                text.Append('-');
                if (negate.Operand is Literal { Value: LongValue })
                    text.Append('(').Append(Of(negate.Operand)).Append(')');
                else
                    Write(text, negate.Operand, Rank.Member);
                break;
            case Arithmetic { Parts: var (op, left, right) }:
                Binary(text, left, $" {op} ", right, op == '*' ? Rank.Multiply : Rank.Add, op == '*' ? Rank.Unary : Rank.Multiply);
                break;
            case Equality { Parts: var (negated, left, right) }:
                Binary(text, left, negated ? " != " : " == ", right, Rank.Add, Rank.Add);
                break;
            case Comparison { Parts: var (op, left, right) }:
                Binary(text, left, $" {op} ", right, Rank.Add, Rank.Add);
                break;
            case In { Parts: var (left, right) }:
                Binary(text, left, " in ", right, Rank.Add, Rank.Add);
                break;
            case Is { Parts: var (operand, type, within) }:
                Write(text, operand, Rank.Add);
                text.Append(" is ").Append(type);
                if (within is null)
                    break;
                text.Append(" in ");
                Write(text, within, Rank.Add);
                break;
            case Like { Parts: var (operand, pattern) }:
                Write(text, operand, Rank.Add);
                text.Append(" like \"");
                foreach (var literal in pattern)
                    text.Append(
                        literal switch
                        {
                            null => "*",
                            '*' => "\\*",
                            { } c => Text.Quote(c.ToString())[1..^1],
                        }
                    );
                text.Append('"');
                break;
            case GetAttribute { Parts: var (target, name) }:
                Write(text, target, Rank.Member);
                text.Append(Parser.IsIdentifier(name) ? $".{name}" : $"[{Text.Quote(name)}]");
                break;
            case HasAttribute { Parts: var (target, name) }:
                Write(text, target, Rank.Add);
                text.Append(" has ").Append(Parser.IsIdentifier(name) ? name : Text.Quote(name));
                break;
            case HasPath has:
                Write(text, has.Target, Rank.Add);
                text.Append(" has ").AppendJoin('.', has.Path);
                break;
            case SetLiteral set:
                List(text, '[', set.Items, ']');
                break;
            case RecordLiteral record:
                text.Append('{');
                foreach (var (i, (name, value)) in record.Fields.Index())
                {
                    text.Append(i == 0 ? "" : ", ").Append(Parser.IsIdentifier(name) ? name : Text.Quote(name)).Append(": ");
                    Write(text, value, Rank.If);
                }

                text.Append('}');
                break;
            case Call { Parts: var (name, arguments) } when Call.Functions.ContainsKey(name):
                text.Append(name);
                List(text, '(', arguments, ')');
                break;
            case Call { Parts: var (name, arguments) }:
                Write(text, arguments[0], Rank.Member);
                text.Append('.').Append(name);
                List(text, '(', [.. arguments.Skip(1)], ')');
                break;
            default:
                throw new InvalidOperationException(expr.GetType().Name);
        }
    }

    private static void Join(StringBuilder text, IReadOnlyList<Expr> operands, string between, Rank rank)
    {
        for (var i = 0; i < operands.Count; i++)
        {
            if (i > 0)
                text.Append(between);
            Write(text, operands[i], rank);
        }
    }

    private static void Binary(StringBuilder text, Expr left, string op, Expr right, Rank leftRank, Rank rightRank)
    {
        Write(text, left, leftRank);
        text.Append(op);
        Write(text, right, rightRank);
    }

    private static void List(StringBuilder text, char open, IReadOnlyList<Expr> items, char close)
    {
        text.Append(open);
        Join(text, items, ", ", Rank.If);
        text.Append(close);
    }
}
