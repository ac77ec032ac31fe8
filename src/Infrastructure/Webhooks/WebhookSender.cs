using System.Globalization;
using System.Net;
using System.Net.Http.Headers;
using System.Net.Sockets;
using System.Security.Cryptography;
using System.Text;
using Mumega.Domain;
using Mumega.Domain.Webhooks;
using Mumega.Infrastructure.Secrets;

namespace Mumega.Infrastructure.Webhooks;

/// <summary>Where messages may go. From the configuration section <c>Outbound</c>.</summary>
public sealed class OutboundOptions
{
    /// <summary>Hosts with port, for example <c>127.0.0.1:9911</c>, that are allowed although they are private or not https. Empty in production.</summary>
    public IList<string> AllowedPrivate { get; set; } = [];

    public TimeSpan Timeout { get; set; } = TimeSpan.FromSeconds(5);
}

/// <summary>
/// Sends messages signed as Standard Webhooks has it. Names are resolved here and the connection goes to the very address that was
/// checked, so that a name can't change its meaning in between; redirects are not followed.
/// </summary>
public sealed class WebhookSender : IWebhookSender, IDisposable
{
    private const int MaxAnswerBytes = 64 * 1024;

    private readonly OutboundOptions options;
    private readonly Vault vault;
    private readonly TimeProvider clock;
    private readonly HttpClient http;

    public WebhookSender(OutboundOptions options, Vault vault, TimeProvider clock)
    {
        (this.options, this.vault, this.clock) = (options, vault, clock);
        http = new(
            new SocketsHttpHandler
            {
                AllowAutoRedirect = false,
                UseProxy = false,
                ConnectCallback = ConnectAsync,
            }
        )
        {
            Timeout = options.Timeout,
            MaxResponseContentBufferSize = MaxAnswerBytes,
        };
    }

    /// <summary>The signature of a message as Standard Webhooks has it: <c>v1,</c> and the base64 of an HMAC-SHA256 over id, time and body.</summary>
    /// <param name="vault">Opens the secret.</param>
    /// <param name="tenant">Whose it is.</param>
    /// <param name="sealedSecret">The secret as the vault sealed it.</param>
    /// <param name="id">The message's id.</param>
    /// <param name="timestamp">When it was sent, in seconds since 1970.</param>
    /// <param name="body">What was sent.</param>
    internal static string Sign(Vault vault, Guid tenant, string sealedSecret, string id, long timestamp, byte[] body)
    {
        var key = Convert.FromBase64String(vault.Open(tenant, Purpose.Connection, sealedSecret)["whsec_".Length..]);
        byte[] signed = [.. Encoding.UTF8.GetBytes($"{id}.{timestamp.ToString(CultureInfo.InvariantCulture)}."), .. body];
        return $"v1,{Convert.ToBase64String(HMACSHA256.HashData(key, signed))}";
    }

    public async Task<Delivery> SendAsync(Connection connection, WebhookMessage message, CancellationToken ct)
    {
        if (await RefusalAsync(connection.Url, ct) is { } refusal)
            return new(DeliveryResult.Refused, refusal);

        var timestamp = clock.Now().ToUnixTimeSeconds();
        using var request = new HttpRequestMessage(HttpMethod.Post, connection.Url);
        request.Content = new StringContent(message.Body, Encoding.UTF8, new MediaTypeHeaderValue("application/json"));
        request.Headers.Add("webhook-id", message.Id.ToString());
        request.Headers.Add("webhook-timestamp", timestamp.ToString(CultureInfo.InvariantCulture));
        request.Headers.Add(
            "webhook-signature",
            Sign(
                vault,
                connection.TenantId,
                connection.SealedSecret,
                message.Id.ToString(),
                timestamp,
                Encoding.UTF8.GetBytes(message.Body)
            )
        );
        return await AskAsync(
            request,
            connection.Url,
            status =>
                (int)status switch
                {
                    >= 200 and < 300 => DeliveryResult.Confirmed,
                    408 or 429 or >= 500 => DeliveryResult.Unknown,
                    _ => DeliveryResult.Refused,
                },
            ct
        );
    }

    public async Task<Delivery> ProbeAsync(Connection connection, Guid id, CancellationToken ct)
    {
        var url = new Uri($"{connection.ProbeUrl!.ToString().TrimEnd('/')}/{id}");
        if (await RefusalAsync(url, ct) is { } refusal)
            return new(DeliveryResult.Unknown, refusal);

        using var request = new HttpRequestMessage(HttpMethod.Get, url);
        return await AskAsync(
            request,
            url,
            status =>
                status switch
                {
                    HttpStatusCode.OK => DeliveryResult.Confirmed,
                    HttpStatusCode.NotFound => DeliveryResult.Absent,
                    _ => DeliveryResult.Unknown,
                },
            ct
        );
    }

    public async Task<string?> RefusalAsync(Uri url, CancellationToken ct)
    {
        if (IsExempt(url.Host, url.Port))
            return null;
        if (url.Scheme != Uri.UriSchemeHttps || url.Port != 443)
            return $"{url.Host} is not reached over https on port 443.";
        try
        {
            await ResolveAsync(url.Host, ct);
            return null;
        }
        catch (Exception e) when (e is SocketException or HttpRequestException)
        {
            return e.Message;
        }
    }

    public void Dispose() => http.Dispose();

    private async Task<Delivery> AskAsync(
        HttpRequestMessage request,
        Uri url,
        Func<HttpStatusCode, DeliveryResult> judge,
        CancellationToken ct
    )
    {
        try
        {
            using var answer = await http.SendAsync(request, HttpCompletionOption.ResponseHeadersRead, ct);
            return new(judge(answer.StatusCode), $"{url.Host} answered {(int)answer.StatusCode}.");
        }
        catch (HttpRequestException e) when (e.HttpRequestError is HttpRequestError.ConnectionError or HttpRequestError.NameResolutionError)
        {
            // Nothing was sent, so nothing can have happened.
            return new(DeliveryResult.Absent, $"{url.Host} could not be reached.");
        }
        catch (Exception e)
            when (e is HttpRequestException or IOException || (e is OperationCanceledException && !ct.IsCancellationRequested))
        {
            return new(DeliveryResult.Unknown, $"{url.Host} did not answer.");
        }
    }

    private async ValueTask<Stream> ConnectAsync(SocketsHttpConnectionContext context, CancellationToken ct)
    {
        var (host, port) = (context.DnsEndPoint.Host, context.DnsEndPoint.Port);
        var addresses = IsExempt(host, port) ? await Dns.GetHostAddressesAsync(host, ct) : await ResolveAsync(host, ct);
        var socket = new Socket(SocketType.Stream, ProtocolType.Tcp) { NoDelay = true };
        try
        {
            await socket.ConnectAsync(addresses, port, ct);
            return new NetworkStream(socket, ownsSocket: true);
        }
        catch
        {
            socket.Dispose();
            throw;
        }
    }

    private bool IsExempt(string host, int port) => options.AllowedPrivate.Contains($"{host}:{port}");

    /// <summary>The host's addresses; throws when any of them is not a public unicast address.</summary>
    private static async Task<IPAddress[]> ResolveAsync(string host, CancellationToken ct)
    {
        var addresses = await Dns.GetHostAddressesAsync(host, ct);
        return addresses.Length > 0 && addresses.All(IsPublic)
            ? addresses
            : throw new HttpRequestException($"{host} resolves to an address that is not public.");
    }

    /// <summary>Whether an address lies in public unicast space: not private, loopback, link-local, multicast, reserved, or a tunnel to those.</summary>
    internal static bool IsPublic(IPAddress address)
    {
        if (address.IsIPv4MappedToIPv6)
            address = address.MapToIPv4();
        if (address.AddressFamily is AddressFamily.InterNetwork)
            return !PrivateV4.Any(network => network.Contains(address));

        // 2000::/3 is all of global unicast; documentation, 6to4, Teredo and other tunnels inside it are not ends of their own.
        return GlobalV6.Contains(address) && !SpecialV6.Any(network => network.Contains(address));
    }

    private static readonly IPNetwork[] PrivateV4 =
    [
        .. new[]
        {
            "0.0.0.0/8",
            "10.0.0.0/8",
            "100.64.0.0/10",
            "127.0.0.0/8",
            "169.254.0.0/16",
            "172.16.0.0/12",
            "192.0.0.0/24",
            "192.0.2.0/24",
            "192.88.99.0/24",
            "192.168.0.0/16",
            "198.18.0.0/15",
            "198.51.100.0/24",
            "203.0.113.0/24",
            "224.0.0.0/3",
        }.Select(IPNetwork.Parse),
    ];

    private static readonly IPNetwork GlobalV6 = IPNetwork.Parse("2000::/3");

    private static readonly IPNetwork[] SpecialV6 =
    [
        .. new[] { "2001::/23", "2001:db8::/32", "2002::/16", "3fff::/20" }.Select(IPNetwork.Parse),
    ];
}
